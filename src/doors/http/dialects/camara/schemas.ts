import { Type } from "typebox";

/** CAMARA refuses properties that it does not know. */
const closed = { additionalProperties: false };

export const correlator = /^[a-zA-Z0-9\-_:;.<>{}/]{0,256}$/;
export const headers = Type.Object({
  "x-correlator": Type.Optional(Type.String({ pattern: correlator.source })),
});

export const sendCodeRequest = Type.Object(
  {
    phoneNumber: Type.String({ pattern: "^\\+[1-9][0-9]{4,14}$" }),
    message: Type.String({ maxLength: 160, pattern: "\\{\\{code\\}\\}" }),
  },
  closed,
);
export const sendCodeResponse = Type.Object({ authenticationId: Type.String({ maxLength: 36 }) });

export const validateCodeRequest = Type.Object(
  {
    authenticationId: Type.String({ minLength: 1, maxLength: 36 }),
    code: Type.String({ minLength: 1, maxLength: 10 }),
  },
  closed,
);
