/** Every message, enum and service of `latchkey.v1`, for callers that make their own client or server of it. */
export * from "../gen/latchkey/v1/access_pb.js";
export * from "../gen/latchkey/v1/auth_service_pb.js";
export * from "../gen/latchkey/v1/challenge_pb.js";
export * from "../gen/latchkey/v1/error_reason_pb.js";
export * from "../gen/latchkey/v1/session_pb.js";
export * from "../gen/latchkey/v1/user_pb.js";
