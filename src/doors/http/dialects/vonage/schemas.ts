import { Type } from "typebox";

const maybeText = (maxLength = 1_000) => Type.Optional(Type.String({ maxLength }));

export const step = Type.Object({
  channel: Type.Union([
    Type.Literal("sms"),
    Type.Literal("whatsapp"),
    Type.Literal("whatsapp_interactive"),
    Type.Literal("voice"),
    Type.Literal("email"),
    Type.Literal("silent_auth"),
  ]),
  to: Type.String({ minLength: 1, maxLength: 254 }),
  from: maybeText(),
});

export const sendRequest = Type.Object({
  brand: Type.String({ minLength: 1, maxLength: 16 }),
  workflow: Type.Array(step, { minItems: 1, maxItems: 3 }),
  locale: maybeText(),
  channel_timeout: Type.Optional(Type.Integer({ minimum: 15, maximum: 900 })),
  code_length: Type.Optional(Type.Integer({ minimum: 4, maximum: 10 })),
  client_ref: maybeText(),
  code: maybeText(),
  template_id: maybeText(),
});
export const sendResponse = Type.Object({ request_id: Type.String() });

export const ofRequest = Type.Object({ id: Type.String() });
export const checkRequest = Type.Object({ code: Type.String() });
export const checkResponse = Type.Object({ request_id: Type.String(), status: Type.Literal("completed") });
export const nextResponse = Type.Object({});
