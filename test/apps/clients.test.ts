import { generateKeyPairSync } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { operator } from "../../src/apps/actor.js";
import { revokeClientSecret, rotateClientSecret } from "../../src/apps/client-secrets.js";
import { createApp } from "../../src/apps/create-app.js";
import { type CreateClientInput, createClient } from "../../src/apps/create-client.js";
import { deleteClient } from "../../src/apps/delete-client.js";
import { getClient, listClients } from "../../src/apps/read-clients.js";
import { updateClient } from "../../src/apps/update-client.js";
import { clientSecretHash } from "../../src/crypto/client-secret.js";
import { deploymentScopes } from "../../src/model/scope.js";
import { type AppsBench, admin, benchEngines, refusal } from "./support.js";

const confidential = { appId: "default", kind: "confidential", secretExpiresInMs: null } as const;
const publicClient = { appId: "default", kind: "public", secretExpiresInMs: null } as const;
const jwks = { keys: [generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" })] };
const uuid = "0190a000-0000-7000-8000-000000000001";
const hour = 3_600_000;

describe.each(benchEngines())("clients on $engine", ({ open }) => {
  let on: AppsBench;
  beforeEach(async () => {
    on = await open();
  });
  afterEach(() => on.stop());

  const make = (input: Partial<CreateClientInput>, actor = admin) =>
    createClient(on.deps, actor, { ...confidential, clientId: "backend", ...input });
  const ids = async () =>
    (await listClients(on.deps, { appId: "default", pageSize: 0, pageToken: "" })).items.map(({ client }) => client.clientId);
  const rotate = (changes: { oldSecretsExpireInMs?: number; secretExpiresInMs?: number } = {}, actor = admin) =>
    rotateClientSecret(on.deps, actor, {
      clientId: "backend",
      oldSecretsExpireInMs: null,
      secretExpiresInMs: null,
      ...changes,
    });

  it("a confidential client gets a secret, of which only the hash is stored and nothing is logged", async () => {
    const { client, made } = await make({ scopes: ["otp:send"], displayName: "Backend" });
    expect(client.client).toMatchObject({ clientId: "backend", scopes: ["otp:send"], displayName: "Backend", state: "active" });
    expect(made?.secret).toMatch(/^lk_[A-Za-z0-9_-]{43}$/);
    const stored = await getClient(on.deps, { clientId: "backend" });
    expect(stored.client).toEqual(client.client);
    expect(stored.secrets.map(({ secretId }) => secretId)).toEqual([made?.secretId]);
    expect(Buffer.from(stored.secrets[0]!.hash)).toEqual(clientSecretHash(made!.secret));
    const logged = JSON.stringify(on.log.lines);
    expect(logged).not.toContain(made!.secret);
    expect(on.log.lines).toEqual([
      {
        level: "info",
        message: "created a client",
        fields: {
          by: "admin-backend",
          app: "default",
          client: "backend",
          kind: "confidential",
          scopes: ["otp:send"],
          address: admin.source.address,
          correlationId: admin.source.correlationId,
        },
      },
    ]);
    expect(on.refreshes()).toBe(1);
  });

  it("the log names the client that is no longer the default one", async () => {
    await make({ ...publicClient, clientId: "web", isDefault: true });
    await make({ ...publicClient, clientId: "site", isDefault: true });
    await updateClient(on.deps, admin, { clientId: "web", changes: { isDefault: true } });
    expect(on.log.lines.map(({ fields }) => fields?.noLongerDefault)).toEqual([undefined, "web", "site"]);
  });

  it("a client without an id gets a random one", async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => make({ ...publicClient, clientId: "" })));
    const found = made.map(({ client }) => client.client.clientId);
    expect(new Set(found).size).toBe(20);
    for (const id of found) expect(id).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/);
  });

  it("public clients and those with keys get no secret", async () => {
    expect((await make({ ...publicClient, clientId: "web" })).made).toBeNull();
    expect((await make({ jwks })).made).toBeNull();
    expect((await getClient(on.deps, { clientId: "backend" })).secrets).toEqual([]);
  });

  it.each([
    ["client_id", { clientId: uuid }],
    ["client_id", { clientId: uuid.toUpperCase() }],
    ["client_id", { clientId: "b" }],
    ["client_id", { clientId: "back end" }],
    ["client_id", { clientId: "operator" }],
    ["scopes[1]", { scopes: ["otp:send", "otp:sned"] }],
    ["scopes", { scopes: ["otp:send", "otp:send"] }],
    ["scopes", { scopes: ["apps:admin"] }],
    ["scopes", { scopes: ["operator"] }],
    ["scopes", { ...publicClient, scopes: ["otp:send"] }],
    ["jwks", { ...publicClient, jwks }],
    ["jwks", { jwks: { keys: [] } }],
    ["allowed_addresses", { ...publicClient, allowedAddresses: ["192.0.2.1"] }],
    ["allowed_addresses[0]", { allowedAddresses: ["192.0.2.0/0"] }],
    ["secret_expires_in", { ...publicClient, secretExpiresInMs: hour }],
    ["secret_expires_in", { jwks, secretExpiresInMs: hour }],
    ["allowed_origins[0]", { allowedOrigins: ["shop.example.com"] }],
    ["hosts[0]", { hosts: ["Shop.example.com"] }],
    ["hosts[0]", { hosts: ["shop.example.com:8080"] }],
    ["redirect_uris[0]", { redirectUris: ["http://shop.example.com/callback"] }],
    ["redirect_uris[0]", { redirectUris: ["https://shop.example.com/callback#top"] }],
    ["redirect_uris[0]", { redirectUris: ["javascript:alert(1)"] }],
    ["redirect_uris[0]", { redirectUris: ["https://shop.example.com/\u0001callback"] }],
    ["redirect_uris[0]", { redirectUris: ["\u0001https://shop.example.com/callback"] }],
    ["aliases[0]", { aliases: ["a b"] }],
    ["aliases[0]", { aliases: ["backend"] }],
    ["is_default", { isDefault: true }],
    ["display_name", { displayName: "a\nb" }],
  ])("a bad %s is refused by name, and nothing is made: %j", async (field, input) => {
    await expect(make(input as Partial<CreateClientInput>)).rejects.toEqual(refusal("REQUEST_INVALID", field));
    expect(await ids()).toEqual([]);
    expect([on.refreshes(), on.log.lines]).toEqual([0, []]);
  });

  it("everything that a client may have is stored as it was given", async () => {
    const given = {
      scopes: ["otp:send", "otp:verify", "users:verify"],
      allowedOrigins: ["https://shop.example.com", "http://localhost:3000"],
      hosts: ["shop.example.com", "localhost"],
      redirectUris: ["https://shop.example.com/callback?a=b", "http://127.0.0.1:8080/", "http://[::1]/x", "http://localhost"],
      verifyByIdentifier: true,
      aliases: [uuid, "tenant/shop"],
      allowedAddresses: ["192.0.2.1", "10.0.0.0/8", "fd00::/8"],
    };
    await make(given);
    expect((await getClient(on.deps, { clientId: "backend" })).client).toMatchObject(given);
  });

  it("only the command line grants scopes that reach every app, at creation and later", async () => {
    for (const scope of deploymentScopes) {
      await make({ scopes: [scope], clientId: `${scope.replace(":", "-")}-1` }, operator());
    }
    await make({ scopes: ["otp:send"] });
    const escalate = updateClient(on.deps, admin, { clientId: "backend", changes: { scopes: ["otp:send", "apps:admin"] } });
    await expect(escalate).rejects.toEqual(refusal("REQUEST_INVALID", "scopes"));
    expect((await getClient(on.deps, { clientId: "backend" })).client.scopes).toEqual(["otp:send"]);
    const { client } = await updateClient(on.deps, operator(), { clientId: "backend", changes: { scopes: ["apps:admin"] } });
    expect(client.scopes).toEqual(["apps:admin"]);
  });

  it("an administrator can't take a right that it lacks by way of a client that has it", async () => {
    const { made } = await make({ scopes: ["operator", "otp:send"] }, operator());
    const before = await getClient(on.deps, { clientId: "backend" });
    const calls = [
      () => rotate(),
      () => updateClient(on.deps, admin, { clientId: "backend", changes: { jwks } }),
      () => updateClient(on.deps, admin, { clientId: "backend", changes: { allowedAddresses: [] } }),
      () => revokeClientSecret(on.deps, admin, { clientId: "backend", secretId: made!.secretId }),
      () => deleteClient(on.deps, admin, { clientId: "backend" }),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ reason: "SCOPE_MISSING", metadata: { scope: "operator" } });
    }
    expect(await getClient(on.deps, { clientId: "backend" })).toEqual(before);
    expect((await rotate({}, operator())).client.secrets).toHaveLength(2);
  });

  it("an administrator manages clients of its own right", async () => {
    await make({ scopes: ["apps:admin"] }, operator());
    expect((await rotate()).client.secrets).toHaveLength(2);
    const changes = { scopes: ["apps:admin", "otp:send"] };
    expect((await updateClient(on.deps, admin, { clientId: "backend", changes })).client.scopes).toEqual(changes.scopes);
  });

  it("of calls that race for one id or alias exactly one makes the client", async () => {
    const racing = [
      ...Array.from({ length: 5 }, () => make({})),
      ...Array.from({ length: 5 }, (_, n) => make({ clientId: `other-${n}`, aliases: ["backend"] })),
    ];
    const outcomes = await Promise.allSettled(racing);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const one of outcomes) {
      if (one.status === "rejected")
        expect(one.reason).toMatchObject({ reason: "ALREADY_EXISTS", metadata: { id: "backend" } });
    }
    expect(await ids()).toHaveLength(1);
  });

  it("a client of an unknown app is refused", async () => {
    await expect(make({ appId: "shop" })).rejects.toEqual(refusal("APP_NOT_FOUND"));
    await expect(listClients(on.deps, { appId: "shop", pageSize: 0, pageToken: "" })).rejects.toEqual(refusal("APP_NOT_FOUND"));
  });

  it("an update changes what it names and nothing else, and takes keys away with null", async () => {
    await make({ jwks, scopes: ["otp:send"], aliases: ["alias"] });
    const before = await getClient(on.deps, { clientId: "backend" });
    const after = await updateClient(on.deps, admin, { clientId: "backend", changes: { jwks: null, state: "disabled" } });
    expect(after).toEqual({ ...before, client: { ...before.client, jwks: "", state: "disabled" } });
    expect(await getClient(on.deps, { clientId: "backend" })).toEqual(after);
  });

  it("a refused update changes nothing", async () => {
    await make({});
    await make({ ...publicClient, clientId: "web", isDefault: true, aliases: ["site"] });
    const before = await getClient(on.deps, { clientId: "web" });
    const refused: [object, unknown][] = [
      [{ scopes: ["otp:send"] }, refusal("REQUEST_INVALID", "scopes")],
      [{ aliases: ["backend"] }, refusal("ALREADY_EXISTS")],
      [{ state: "disabled" }, refusal("REQUEST_INVALID", "state")],
      [{ hosts: ["a b"], verifyByIdentifier: true }, refusal("REQUEST_INVALID", "hosts[0]")],
    ];
    for (const [changes, error] of refused) {
      await expect(updateClient(on.deps, operator(), { clientId: "web", changes })).rejects.toEqual(error);
    }
    expect(await getClient(on.deps, { clientId: "web" })).toEqual(before);
  });

  it("a new default client takes the place of the old one", async () => {
    await make({ ...publicClient, clientId: "web", isDefault: true });
    await make({ ...publicClient, clientId: "site", isDefault: true });
    const marked = [await getClient(on.deps, { clientId: "web" }), await getClient(on.deps, { clientId: "site" })];
    expect(marked.map(({ client }) => client.isDefault)).toEqual([false, true]);
  });

  it("two secrets are live at most, and a rotation can end the old ones", async () => {
    const { made: first } = await make({});
    on.clock.advance(1);
    const second = await rotate({ secretExpiresInMs: hour });
    expect(second.client.secrets.map(({ secretId }) => secretId)).toEqual([first!.secretId, second.made.secretId]);
    expect(second.client.secrets[1]!.expiresAt).toBe(on.clock() + hour);
    await expect(rotate()).rejects.toEqual(refusal("TOO_MANY_SECRETS"));
    await expect(rotate({ oldSecretsExpireInMs: hour })).rejects.toEqual(refusal("TOO_MANY_SECRETS"));
    expect((await getClient(on.deps, { clientId: "backend" })).secrets).toHaveLength(2);
    const third = await rotate({ oldSecretsExpireInMs: 0 });
    const live = third.client.secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > on.clock());
    expect(live.map(({ secretId }) => secretId)).toEqual([third.made.secretId]);
  });

  it("rotations that race leave two live secrets", async () => {
    await make({});
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => rotate()));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await getClient(on.deps, { clientId: "backend" })).secrets).toHaveLength(2);
  });

  it("an old secret ends after the time given", async () => {
    await make({});
    on.clock.advance(1);
    const { client } = await rotate({ oldSecretsExpireInMs: hour });
    expect(client.secrets.map(({ expiresAt }) => expiresAt)).toEqual([on.clock() + hour, null]);
    on.clock.advance(hour);
    expect((await rotate()).made.secret).toMatch(/^lk_/);
  });

  it("a revoked secret is gone, and an unknown one is refused", async () => {
    const { made } = await make({});
    const secret = { clientId: "backend", secretId: made!.secretId };
    await revokeClientSecret(on.deps, admin, secret);
    expect((await getClient(on.deps, { clientId: "backend" })).secrets).toEqual([]);
    await expect(revokeClientSecret(on.deps, admin, secret)).rejects.toEqual(refusal("CLIENT_NOT_FOUND"));
  });

  it("a secret of another client can't be revoked by a wrong pair of ids", async () => {
    const { made } = await make({});
    await make({ clientId: "other" });
    const wrong = revokeClientSecret(on.deps, admin, { clientId: "other", secretId: made!.secretId });
    await expect(wrong).rejects.toEqual(refusal("CLIENT_NOT_FOUND"));
    expect((await getClient(on.deps, { clientId: "backend" })).secrets).toHaveLength(1);
  });

  it("public clients have no secrets to rotate", async () => {
    await make({ ...publicClient });
    await expect(rotate()).rejects.toEqual(refusal("REQUEST_INVALID", "client_id"));
    expect((await getClient(on.deps, { clientId: "backend" })).secrets).toEqual([]);
  });

  it("a deleted client leaves with its secrets, and its id is free again", async () => {
    await make({ aliases: ["alias"] });
    await deleteClient(on.deps, admin, { clientId: "backend" });
    await expect(getClient(on.deps, { clientId: "backend" })).rejects.toEqual(refusal("CLIENT_NOT_FOUND"));
    await expect(deleteClient(on.deps, admin, { clientId: "backend" })).rejects.toEqual(refusal("CLIENT_NOT_FOUND"));
    const { client, made } = await make({ aliases: ["alias"] });
    expect(client.secrets.map(({ secretId }) => secretId)).toEqual([made!.secretId]);
  });

  it("a list has the clients of its app alone, in pages that end early where clients are large", async () => {
    await createApp(on.deps, admin, { appId: "shop" });
    await make({ appId: "shop", clientId: "shop-backend" });
    const large = Array.from({ length: 20 }, (_, n) => `https://shop.example.com/${n}/${"a".repeat(480)}`);
    for (let n = 0; n < 20; n += 1) {
      await make({ ...publicClient, clientId: `web-${String(n).padStart(2, "0")}`, redirectUris: large });
    }
    const pages: string[][] = [];
    let pageToken = "";
    do {
      const page = await listClients(on.deps, { appId: "default", pageSize: 100, pageToken });
      expect(JSON.stringify(page.items).length).toBeLessThan(140 * 1024);
      pages.push(page.items.map(({ client }) => client.clientId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.flat()).toEqual(Array.from({ length: 20 }, (_, n) => `web-${String(n).padStart(2, "0")}`));
  });
});
