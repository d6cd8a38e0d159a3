import { type TProperties, Type } from "typebox";

const contactType = Type.Union([Type.Literal("email"), Type.Literal("mobile")]);

export const registerRequest = Type.Object({
  username: Type.String({ minLength: 1 }),
  email: Type.Optional(Type.String()),
  mobile: Type.Optional(Type.String()),
  validationSources: Type.Optional(Type.Array(contactType)),
  transactional: Type.Optional(Type.Boolean()),
  customPayload: Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()])),
});

/** A code that comes as a number has lost its leading zeros. The type is checked by the route, because SolidX has words for it. */
export const confirmRequest = Type.Object({
  type: Type.String(),
  identifier: Type.String({ minLength: 1 }),
  otp: Type.Union([Type.String(), Type.Integer({ minimum: 0 })]),
});
export const loginRequest = Type.Object({
  type: Type.Optional(Type.String()),
  identifier: Type.String({ minLength: 1 }),
});
export const refreshRequest = Type.Object({ refreshToken: Type.String() });

const user = {
  id: Type.Integer(),
  username: Type.String(),
  email: Type.Union([Type.String(), Type.Null()]),
  mobile: Type.Union([Type.String(), Type.Null()]),
  roles: Type.Array(Type.String()),
};
const tokens = { accessToken: Type.String(), refreshToken: Type.String() };
const wrapper = { statusCode: Type.Literal(200), error: Type.String() };

/** As `said` makes it. */
function saying<Bare extends TProperties, More extends TProperties>(bare: Bare, more: More) {
  const message = Type.String();
  return Type.Object({ ...wrapper, message, data: Type.Object({ message, ...bare, ...more }), ...bare });
}

/** As `wrapped` makes it. */
function wrapping<Bare extends TProperties>(bare: Bare) {
  return Type.Object({ ...wrapper, message: Type.Array(Type.String()), data: Type.Object(bare), ...bare });
}

const maybeText = Type.Optional(Type.String());

export const saidResponse = saying({}, {});
export const confirmResponse = saying({ active: Type.Boolean() }, {});
export const loginSentResponse = saying({}, { user: Type.Object({ email: maybeText, mobile: maybeText }) });
export const loginResponse = wrapping({ ...tokens, user: Type.Object({ ...user, lastLoginProvider: Type.Literal("otp") }) });
export const refreshResponse = wrapping(tokens);
export const meResponse = wrapping({ user: Type.Object(user) });
