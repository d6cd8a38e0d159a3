/** Every message, enum and service of `latchkey.v1`, for your own Connect client or test server. */
export * from "../gen/client/latchkey/v1/access_pb.js";
export * from "../gen/client/latchkey/v1/app_pb.js";
export * from "../gen/client/latchkey/v1/app_service_pb.js";
export * from "../gen/client/latchkey/v1/auth_service_pb.js";
export * from "../gen/client/latchkey/v1/challenge_pb.js";
export * from "../gen/client/latchkey/v1/client_pb.js";
export * from "../gen/client/latchkey/v1/delivery_service_pb.js";
export * from "../gen/client/latchkey/v1/error_reason_pb.js";
export * from "../gen/client/latchkey/v1/message_pb.js";
export * from "../gen/client/latchkey/v1/session_pb.js";
export * from "../gen/client/latchkey/v1/token_service_pb.js";
export * from "../gen/client/latchkey/v1/user_pb.js";
export * from "../gen/client/latchkey/v1/user_service_pb.js";
export * from "../gen/client/latchkey/v1/wording_pb.js";
