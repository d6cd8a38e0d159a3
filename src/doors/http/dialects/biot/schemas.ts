import { Type } from "@sinclair/typebox";

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
  ownerOrganizationId: Type.String(),
  accessJwt: token,
  refreshJwt: token,
  mfaRequired: Type.Boolean(),
  passwordResetRequired: Type.Boolean(),
  phone: Type.Optional(Type.String()),
});

export const selfResponse = Type.Object({
  username: Type.String(),
  id: Type.String({ format: "uuid" }),
  ownerOrganizationId: Type.String(),
  groups: Type.Array(Type.String()),
  locked: Type.Boolean(),
  active: Type.Boolean(),
  mfa: Type.Object({ enabled: Type.Boolean() }),
  credentialType: Type.Literal("OTP"),
  userIdPs: Type.Array(Type.String()),
});

export const serviceTokenRequest = Type.Object({ id: Type.String(), secretKey: Type.String() });
export const serviceTokenResponse = Type.Object({
  accessToken: Type.String(),
  accessTokenExpiration: Type.String({ format: "date-time" }),
});
