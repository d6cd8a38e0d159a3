import type { DialectDefinition } from "../dialect.js";
import { toBiotAnswer } from "./errors.js";
import { addSelfRoutes } from "./self.js";
import { addServiceRoutes } from "./services.js";
import { addSessionRoutes } from "./session.js";

export const biot: DialectDefinition = {
  dialect: "biot",
  title: "BioT's user management, served by Latchkey",
  prefixes: ["/ums/"],
  toAnswer: toBiotAnswer,
  addRoutes(app, kit) {
    addSessionRoutes(app, kit);
    addSelfRoutes(app, kit);
    addServiceRoutes(app, kit);
  },
};
