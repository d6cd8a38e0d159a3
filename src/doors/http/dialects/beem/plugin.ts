import type { DialectDefinition } from "../dialect.js";
import { toBeemAnswer } from "./errors.js";
import { addPinRoutes } from "./pins.js";
import { addReportRoute } from "./reports.js";

export const beem: DialectDefinition = {
  dialect: "beem",
  title: "Beem's one-time pins, served by Latchkey",
  prefixes: ["/v1/request", "/v1/verify", "/api/v1/verify", "/public/v1/delivery-reports"],
  toAnswer: toBeemAnswer,
  addRoutes(app, kit) {
    addPinRoutes(app, kit);
    addReportRoute(app, kit);
  },
};
