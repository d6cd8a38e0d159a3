import type { DialectDefinition } from "../dialect.js";
import { toVonageAnswer } from "./errors.js";
import { addRequestRoutes } from "./requests.js";
import { addSendRoute } from "./send.js";

export const vonage: DialectDefinition = {
  dialect: "vonage",
  title: "Vonage Verify v2, served by Latchkey",
  prefixes: ["/v2/verify/", "/v2/verify"],
  toAnswer: toVonageAnswer,
  addRoutes(app, kit) {
    addSendRoute(app, kit);
    addRequestRoutes(app, kit);
  },
};
