import type { DialectDefinition } from "../dialect.js";
import { toBiotAnswer } from "./errors.js";
import { addSecurityRoutes } from "./security.js";
import { addSelfRoutes } from "./self.js";
import { addServiceRoutes } from "./services.js";
import { addSessionRoutes } from "./session.js";
import { addUserRoutes } from "./users.js";

export const biot: DialectDefinition = {
  dialect: "biot",
  title: "BioT's user management, served by Latchkey",
  prefixes: ["/ums/", "/organization/v1/users/", "/api-gateway/v1/"],
  toAnswer: toBiotAnswer,
  addRoutes(app, kit) {
    addSessionRoutes(app, kit);
    addSelfRoutes(app, kit);
    addServiceRoutes(app, kit);
    addUserRoutes(app, kit);
    addSecurityRoutes(app, kit);
  },
};
