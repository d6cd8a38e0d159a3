import type { DialectDefinition } from "../dialect.js";
import { addAccountRoutes } from "./account.js";
import { toBridgekeeperAnswer } from "./errors.js";
import { addOtpRoutes } from "./otp.js";
import { addSessionRoutes } from "./sessions.js";
import { addSignupRoute } from "./signup.js";

export const bridgekeeper: DialectDefinition = {
  dialect: "bridgekeeper",
  title: "Quintype Bridgekeeper's sign-in, served by Latchkey",
  prefixes: ["/api/auth/v1/"],
  // Some of the vendor's samples name no content type, so curl names the second one.
  jsonTypes: /^application\/(json|x-www-form-urlencoded)\b/i,
  toAnswer: toBridgekeeperAnswer,
  addRoutes(app, kit) {
    addOtpRoutes(app, kit);
    addSignupRoute(app, kit);
    addAccountRoutes(app, kit);
    addSessionRoutes(app, kit);
  },
};
