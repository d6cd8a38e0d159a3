import type { DialectDefinition } from "../dialect.js";
import { addAccountRoutes } from "./account.js";
import { toSupabaseAnswer } from "./errors.js";
import { addOtpRoutes } from "./otp.js";
import { addServerRoutes } from "./server.js";
import { addSessionRoutes } from "./session.js";

export const supabase: DialectDefinition = {
  dialect: "supabase",
  title: "Supabase Auth's sign-in by codes, served by Latchkey",
  prefixes: ["/auth/v1/"],
  // Keys that a Supabase project made stay in apps: `sb_publishable_…`, and JWTs.
  clientHeader: { name: "apikey", isClientId: (key) => key !== "" && !/^sb_|\./.test(key) },
  cors: {
    methods: ["PUT"],
    requestHeaders: ["apikey", "x-client-info", "x-supabase-api-version"],
    responseHeaders: ["x-supabase-api-version", "x-sb-error-code"],
  },
  toAnswer: toSupabaseAnswer,
  addRoutes(app, kit) {
    addOtpRoutes(app, kit);
    addSessionRoutes(app, kit);
    addAccountRoutes(app, kit);
    addServerRoutes(app, kit);
  },
};
