import type { FastifyRequest } from "fastify";
import type { DialectDefinition } from "../dialect.js";
import { addCodeRoutes } from "./codes.js";
import { toCamaraAnswer } from "./errors.js";
import { correlator } from "./schemas.js";

const header = "x-correlator";

export const camara: DialectDefinition = {
  dialect: "camara",
  title: "CAMARA's One Time Password SMS, served by Latchkey",
  prefixes: ["/one-time-password-sms/v1/"],
  toAnswer: toCamaraAnswer,
  addRoutes(app, kit) {
    // Answers of all kinds have the correlator of their request, unless it is malformed.
    app.addHook("onRequest", async (request: FastifyRequest, reply) => {
      const value = request.headers[header];
      if (typeof value === "string" && correlator.test(value)) reply.header(header, value);
    });
    addCodeRoutes(app, kit);
  },
};
