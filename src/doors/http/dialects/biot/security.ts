import { createPublicKey, type JsonWebKey } from "node:crypto";
import type { DialectApp, DialectKit } from "../dialect.js";
import { publicKeyResponse } from "./schemas.js";

/** The keys that tokens are signed with, newest first: bare base64 of SubjectPublicKeyInfo, which clients wrap as PEM. */
export function addSecurityRoutes(app: DialectApp, kit: DialectKit): void {
  app.get("/ums/v1/security/public-key", { schema: { response: { 200: publicKeyResponse } } }, async () => {
    const { keys } = JSON.parse(kit.jwks()) as { readonly keys: readonly JsonWebKey[] };
    const [newest, previous] = keys.map(toBase64).reverse();
    return { publicKey: newest!, ...(previous !== undefined && { previousPublicKey: previous }) };
  });
}

function toBase64(key: JsonWebKey): string {
  return createPublicKey({ key, format: "jwk" }).export({ type: "spki", format: "der" }).toString("base64");
}
