import type { DialectDefinition } from "../dialect.js";
import { addAuthenticateRoutes } from "./authenticate.js";
import { toTransmitAnswer } from "./errors.js";
import { addSendRoute } from "./send.js";
import { addSessionRoutes } from "./sessions.js";
import { addTokenRoutes } from "./token.js";
import { addUserRoutes } from "./users.js";

export const transmit: DialectDefinition = {
  dialect: "transmit",
  title: "Transmit Security's backend authentication, served by Latchkey",
  prefixes: ["/cis/", "/oidc/token"],
  toAnswer: toTransmitAnswer,
  addRoutes(app, kit) {
    addTokenRoutes(app, kit);
    addSendRoute(app, kit);
    addAuthenticateRoutes(app, kit);
    addSessionRoutes(app, kit);
    addUserRoutes(app, kit);
  },
};
