import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { interop, python } from "./support/paths.js";
import { runWell } from "./support/run.js";

let latchkey: Latchkey;
let seen: Record<string, unknown>;

const byKey = "by-key";

beforeAll(async () => {
  latchkey = await startLatchkey();
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "1", alg: "ES256", use: "sig" }] };
  await createClientWithKey(JSON.stringify(jwks));
  const { clientId, clientSecret } = latchkey.backend;
  const env = {
    CLIENT_SECRET: clientSecret,
    PRIVATE_KEY: JSON.stringify({ ...(await exportJWK(privateKey)), kid: "1", alg: "ES256" }),
  };
  const args = [join(interop, "python/client_credentials.py"), latchkey.issuer, clientId, byKey];
  seen = JSON.parse(await runWell(python, args, { env }));
});
afterAll(() => latchkey.stop());

async function createClientWithKey(jwks: string): Promise<void> {
  const path = join(latchkey.folder, "jwks.json");
  writeFileSync(path, jwks);
  const rights = ["--kind", "confidential", "--scopes", "otp:send,otp:verify"];
  await latchkey.cli("client", "create", "--app", "default", "--id", byKey, ...rights, "--jwks", path);
  rmSync(path);
}

describe("Authlib", () => {
  it.each(["client_secret_basic", "client_secret_post", "private_key_jwt"])(
    "gets a client token by %s for the scope that it asks for, and sends a code with it",
    (method) => {
      expect(seen[method]).toEqual({
        tokenType: "Bearer",
        expiresIn: expect.toSatisfy((seconds: number) => seconds > 890 && seconds <= 900),
        scope: "otp:send",
        sent: { status: 200, challenge: true },
      });
    },
  );

  it("reads a wrong secret as invalid_client", () => {
    expect(seen.wrongSecret).toBe("invalid_client");
  });

  it("finds its own token active by introspection", () => {
    expect(seen.introspected).toEqual({ active: true, clientId: "default-backend" });
  });
});
