import { Type } from "typebox";

/** Beem's samples have the numbers as numbers and as texts. A missing field has a code of its own, so no field is required here. */
const digits = Type.Optional(Type.Union([Type.String({ maxLength: 32 }), Type.Integer({ minimum: 0 })]));

export const pinRequest = Type.Object({ appId: digits, msisdn: digits });
export const verifyRequest = Type.Object({ pinId: Type.Optional(Type.String({ maxLength: 64 })), pin: digits });

const message = Type.Object({ code: Type.Integer(), message: Type.String() });
export const pinResponse = Type.Object({ data: Type.Object({ pinId: Type.String({ format: "uuid" }), message }) });
export const codedResponse = Type.Object({ data: Type.Object({ message }) });

export const reportQuery = Type.Object({
  dest_addr: Type.Optional(Type.String({ maxLength: 32 })),
  request_id: Type.Optional(Type.String({ maxLength: 64 })),
});
export const reportResponse = Type.Object({
  dest_addr: Type.String(),
  request_id: Type.String({ format: "uuid" }),
  status: Type.String(),
  timestamp: Type.String({ format: "date-time" }),
});
