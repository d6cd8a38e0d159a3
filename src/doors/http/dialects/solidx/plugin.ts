import type { DialectDefinition } from "../dialect.js";
import { toSolidxAnswer } from "./errors.js";
import { addLoginRoutes } from "./login.js";
import { addRegisterRoutes } from "./register.js";
import { addSessionRoutes } from "./session.js";

export const solidx: DialectDefinition = {
  dialect: "solidx",
  title: "SolidX's authentication by codes, served by Latchkey",
  prefixes: ["/api/iam/"],
  toAnswer: toSolidxAnswer,
  addRoutes(app, kit) {
    addRegisterRoutes(app, kit);
    addLoginRoutes(app, kit);
    addSessionRoutes(app, kit);
  },
};
