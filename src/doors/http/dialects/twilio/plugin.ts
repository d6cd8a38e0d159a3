import type { DialectDefinition } from "../dialect.js";
import { addCheckRoute } from "./check.js";
import { toTwilioAnswer } from "./errors.js";
import { addFetchRoute, addUpdateRoute } from "./manage.js";
import { addSendRoute } from "./send.js";

export const twilio: DialectDefinition = {
  dialect: "twilio",
  title: "Twilio Verify v2, served by Latchkey",
  prefixes: ["/v2/Services/"],
  toAnswer: toTwilioAnswer,
  addRoutes(app, kit) {
    addFetchRoute(app, kit);
    kit.withForms(app, (forms) => {
      addSendRoute(forms, kit);
      addCheckRoute(forms, kit);
      addUpdateRoute(forms, kit);
    });
  },
};
