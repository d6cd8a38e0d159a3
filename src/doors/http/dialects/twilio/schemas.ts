import { type TSchema, Type } from "typebox";

const maybeText = () => Type.Optional(Type.String());
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const ofService = Type.Object({ service: Type.String() });
export const ofVerification = Type.Object({ service: Type.String(), sid: Type.String() });

/** Bodies are forms, so all values are texts. */
export const createRequest = Type.Object({
  To: Type.String(),
  Channel: Type.Union([
    Type.Literal("sms"),
    Type.Literal("call"),
    Type.Literal("email"),
    Type.Literal("whatsapp"),
    Type.Literal("auto"),
  ]),
  Locale: maybeText(),
  CustomCode: maybeText(),
  CustomMessage: maybeText(),
  CustomFriendlyName: maybeText(),
  SendDigits: maybeText(),
  Amount: maybeText(),
  Payee: maybeText(),
});

export const updateRequest = Type.Object({ Status: Type.Union([Type.Literal("canceled"), Type.Literal("approved")]) });

export const checkRequest = Type.Object({
  Code: Type.String(),
  To: maybeText(),
  VerificationSid: maybeText(),
  Amount: maybeText(),
  Payee: maybeText(),
});

const status = Type.Union([
  Type.Literal("pending"),
  Type.Literal("approved"),
  Type.Literal("canceled"),
  Type.Literal("max_attempts_reached"),
]);

const common = {
  sid: Type.String(),
  service_sid: Type.String(),
  account_sid: Type.String(),
  to: Type.String(),
  channel: Type.String(),
  status,
  valid: Type.Boolean(),
  amount: Type.Null(),
  payee: Type.Null(),
  date_created: Type.String(),
  date_updated: Type.String(),
};

export const verificationResponse = Type.Object({
  ...common,
  lookup: Type.Object({}),
  send_code_attempts: Type.Array(Type.Object({ time: Type.String(), channel: Type.String(), attempt_sid: Type.String() })),
  sna: nullable(Type.Null()),
  url: Type.String(),
});

export const checkResponse = Type.Object({ ...common, sna_attempts_error_codes: Type.Array(Type.Unknown()) });
