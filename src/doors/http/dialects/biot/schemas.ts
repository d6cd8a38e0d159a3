import { type Static, Type } from "typebox";

export const generateRequest = Type.Object({ phone: Type.String() });
export const generateResponse = Type.Object({ requestId: Type.String({ format: "uuid" }), phone: Type.String() });

/** BioT's description has a number as the example of a code. A number has lost its leading zeros. */
export const loginRequest = Type.Object({
  requestId: Type.String(),
  code: Type.Union([Type.String(), Type.Integer({ minimum: 0 })]),
});

export const refreshRequest = Type.Object({ refreshToken: Type.String() });

const token = Type.Object({ token: Type.String(), expiration: Type.String({ format: "date-time" }) });
export const loginResponse = Type.Object({
  userId: Type.String({ format: "uuid" }),
  ownerOrganizationId: Type.String({ format: "uuid" }),
  accessJwt: token,
  refreshJwt: token,
  mfaRequired: Type.Boolean(),
  passwordResetRequired: Type.Boolean(),
  phone: Type.Optional(Type.String()),
});

/** There is no second factor yet, so none can be switched on. */
const mfa = Type.Object({ enabled: Type.Boolean() });

export const selfResponse = Type.Object({
  username: Type.String(),
  id: Type.String({ format: "uuid" }),
  ownerOrganizationId: Type.String({ format: "uuid" }),
  groups: Type.Array(Type.Object({ id: Type.String({ format: "uuid" }), name: Type.String() })),
  locked: Type.Boolean(),
  active: Type.Boolean(),
  mfa: Type.Object({ enabled: Type.Boolean(), phone: Type.String() }),
  credentialType: Type.Literal("OTP"),
  userIdPs: Type.Array(Type.String()),
});

export const selfPatch = Type.Object({ mfa: Type.Optional(mfa) });

export const serviceTokenRequest = Type.Object({ id: Type.String(), secretKey: Type.String() });
export const serviceTokenResponse = Type.Object({
  accessToken: Type.String(),
  accessTokenExpiration: Type.String({ format: "date-time" }),
});

export const publicKeyResponse = Type.Object({
  publicKey: Type.String(),
  previousPublicKey: Type.Optional(Type.String()),
});

const credentialType = Type.Union([Type.Literal("OTP"), Type.Literal("PASSWORD")]);
const enabled = Type.Union([Type.Literal("ENABLED"), Type.Literal("DISABLED")]);
const name = Type.Object({ firstName: Type.Optional(Type.String()), lastName: Type.Optional(Type.String()) });

/** What Latchkey has a field for. All other attributes are kept as they are. */
export const entityRequest = Type.Object({
  _name: Type.Optional(name),
  _ownerOrganization: Type.Optional(Type.Object({ id: Type.String() })),
  _username: Type.Optional(Type.String()),
  _phone: Type.Optional(Type.String()),
  _email: Type.Optional(Type.String()),
  _mfa: Type.Optional(mfa),
  _credentialType: Type.Optional(credentialType),
  _enabled: Type.Optional(enabled),
});
export type EntityRequest = Static<typeof entityRequest> & Readonly<Record<string, unknown>>;

export const entityResponse = Type.Object(
  {
    _id: Type.String({ format: "uuid" }),
    _name: name,
    _username: Type.String(),
    _phone: Type.Optional(Type.String()),
    _email: Type.Optional(Type.String()),
    _ownerOrganization: Type.Object({ id: Type.String({ format: "uuid" }) }),
    _credentialType: credentialType,
    _enabled: enabled,
    _invitationAccepted: Type.Boolean(),
    _creationTime: Type.String({ format: "date-time" }),
    _lastModifiedTime: Type.String({ format: "date-time" }),
  },
  { additionalProperties: true },
);
export const signUpResponse = Type.Object({ patient: entityResponse });

export const byId = Type.Object({ id: Type.String() });
