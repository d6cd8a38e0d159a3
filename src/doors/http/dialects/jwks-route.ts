import { Type } from "typebox";
import type { DialectApp, DialectKit } from "./dialect.js";

/** Adds a path that has the public keys. */
export function addJwksRoute(app: DialectApp, kit: DialectKit, path: string): void {
  app.get(path, { schema: { response: { 200: Type.String() } } }, async (_request, reply) => {
    return await reply
      .type("application/json")
      .serializer((text: string) => text)
      .send(kit.jwks());
  });
}
