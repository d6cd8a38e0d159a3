import { type TStringOptions, Type } from "typebox";

const maybeText = (options: TStringOptions = {}) => Type.Optional(Type.String(options));
const data = Type.Record(Type.String(), Type.Unknown());

export const clientTokenRequest = Type.Object({
  grant_type: Type.String(),
  client_id: maybeText(),
  client_secret: maybeText(),
});
export const clientTokenResponse = Type.Object({
  access_token: Type.String(),
  token_type: Type.String(),
  expires_in: Type.Integer(),
});

/** How a request names the user. */
export const identifierType = Type.Union([
  Type.Literal("email"),
  Type.Literal("phone_number"),
  Type.Literal("user_id"),
  Type.Literal("username"),
  Type.Literal("custom"),
]);

/** The seed has the words of an SMS beside the other fields, the vendor's description has them in an object. */
const smsInput = { custom_message: maybeText({ maxLength: 140 }), sender_id: maybeText({ maxLength: 11 }) };

/** The address of the end user. What Transmit keeps beside it is not read. */
export const clientAttributes = Type.Object({ ip_address: maybeText() });

export const sendRequest = Type.Object({
  channel: Type.Union([Type.Literal("sms"), Type.Literal("email"), Type.Literal("direct")]),
  identifier_type: identifierType,
  identifier: Type.String({ minLength: 1 }),
  ...smsInput,
  custom_sms_input: Type.Optional(Type.Object(smsInput)),
  email_content: Type.Optional(Type.Object({ subject: maybeText() })),
  expires_in: Type.Optional(Type.Number({ minimum: 1, maximum: 10 })),
  generate_request_id: Type.Optional(Type.Boolean()),
  approval_data: Type.Optional(Type.Unknown()),
  custom_email: maybeText(),
  custom_phone_number: maybeText(),
  client_attributes: Type.Optional(clientAttributes),
});
export const sendResponse = Type.Object({ message: Type.String(), request_id: maybeText() });

export const authenticateRequest = Type.Object({
  passcode: Type.String(),
  identifier_type: identifierType,
  identifier: Type.String({ minLength: 1 }),
  request_id: maybeText(),
  client_attributes: Type.Optional(clientAttributes),
});
export const refreshRequest = Type.Object({ refresh_token: Type.String() });
export const tokensResponse = Type.Object({
  access_token: Type.String(),
  id_token: maybeText(),
  refresh_token: Type.String(),
  token_type: Type.String(),
  expires_in: Type.Integer(),
  session_id: Type.String(),
});

export const sessionRequest = Type.Object({ session_id: Type.String() });
export const logoutResponse = Type.Object({ sessions_count: Type.Integer() });
export const ofUser = Type.Object({ user_id: Type.String() });
export const sessionsResponse = Type.Array(
  Type.Object({
    session_id: Type.String(),
    client_id: Type.String(),
    created_at: Type.Integer(),
    last_used_at: Type.Integer(),
    expires_at: Type.Integer(),
    ip_address: Type.String(),
    user_agent: Type.String(),
  }),
);
export const deletedResponse = Type.Object({ result: Type.Object({ deleted_count: Type.Integer() }) });

const name = { title: maybeText(), first_name: maybeText(), middle_name: maybeText(), last_name: maybeText() };
export const createUserRequest = Type.Object({
  email: maybeText(),
  phone_number: maybeText(),
  username: maybeText(),
  name: Type.Optional(Type.Object(name)),
  language: maybeText(),
  external_user_id: maybeText(),
  custom_data: Type.Optional(data),
  custom_app_data: Type.Optional(data),
  credentials: Type.Optional(Type.Unknown()),
});

const verification = { value: Type.String(), verified_at: maybeText() };
const email = Type.Object({ ...verification, email_verified: Type.Boolean() });
const phone = Type.Object({ ...verification, phone_number_verified: Type.Boolean() });
export const userResponse = Type.Object({
  result: Type.Object({
    user_id: Type.String(),
    username: maybeText(),
    email: Type.Optional(email),
    secondary_emails: Type.Array(email),
    phone_number: Type.Optional(phone),
    secondary_phone_numbers: Type.Array(phone),
    name: Type.Optional(Type.Object({ first_name: Type.String(), last_name: maybeText() })),
    language: maybeText(),
    external_user_id: maybeText(),
    status: Type.Union([Type.Literal("Active"), Type.Literal("Disabled"), Type.Literal("Pending")]),
    created_at: Type.Integer(),
    updated_at: Type.Integer(),
    custom_data: Type.Optional(data),
    custom_app_data: Type.Optional(data),
  }),
});
export const byIdentifier = Type.Object({ identifier_name: Type.String(), identifier_value: Type.String() });
