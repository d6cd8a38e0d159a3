import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../../src/cli/main.js";
import { withClient } from "../../../src/store/postgres/connection.js";
import { inspect } from "../../../src/store/postgres/inspect.js";
import type { PostgresLocation } from "../../../src/store/postgres/location.js";
import { createOpener } from "../../../src/store/postgres/opener.js";
import { at, clientOf, locationOf, query, urlOf } from "../../support/postgres.js";
import { type Server, startServer } from "../../support/postgres-server.js";
import { type Certificate, createAuthority } from "../../support/tls.js";
import { tempDir } from "../temp-dir.js";

const directory = tempDir();
let server: Server;
let location: PostgresLocation;
const authority = createAuthority();
const stranger = createAuthority("Another CA");

function fileOf(name: string, pem: string): string {
  const path = join(directory, name);
  writeFileSync(path, pem);
  return path;
}

const ca = fileOf("ca.pem", authority.cert);
const wrongCa = fileOf("wrong-ca.pem", stranger.cert);

/** A server of its own, because it gets a certificate: for "localhost" and for no address. */
beforeAll(async () => {
  server = await startServer();
  location = locationOf(server.url);
  const { cert, key } = authority.issue(["localhost"]);
  const client = await clientOf(location);
  // The server writes the files itself, so that they are its own.
  const write = async (text: string, name: string) => {
    const lines = text.trim().split("\n");
    const rows = lines.map((line) => `(${pg.escapeLiteral(line)})`).join(", ");
    await client.query(`COPY (VALUES ${rows}) TO PROGRAM 'umask 077; cat > new; cat ${name} >> new || true; mv new ${name}'`);
  };
  await write(cert, "server.crt");
  await write(key, "server.key");
  await write(authority.cert, "clients.crt");
  // The user that only a certificate lets in.
  await client.query("CREATE ROLE certified LOGIN SUPERUSER");
  await write("hostssl all certified all cert", "pg_hba.conf");
  await client.query("ALTER SYSTEM SET ssl_ca_file = 'clients.crt'");
  await client.query("ALTER SYSTEM SET ssl = on");
  await client.query("SELECT pg_reload_conf()");
  await client.end();
});
afterAll(() => server.stop());

describe("TLS to PostgreSQL", () => {
  it.each<[string, string, Partial<PostgresLocation>]>([
    ["verify-full with the authority and the name", "localhost", { sslmode: "verify-full", sslrootcert: ca }],
    ["verify-ca with the authority, whatever the name", "127.0.0.1", { sslmode: "verify-ca", sslrootcert: ca }],
    ["require, whatever the certificate", "127.0.0.1", { sslmode: "require" }],
  ])("%s connects, and the connection is encrypted", async (_, host, changes) => {
    const encrypted = await withClient({ ...at(location, { host }), ...changes }, async (client) => {
      const { rows } = await client.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
      return (rows as { ssl: boolean }[])[0]!.ssl;
    });
    expect(encrypted).toBe(true);
  });

  it.each<[string, string, Partial<PostgresLocation>, RegExp]>([
    ["verify-full with another name", "127.0.0.1", { sslmode: "verify-full", sslrootcert: ca }, /IP.*127\.0\.0\.1.*cert/],
    [
      "verify-full with another authority",
      "localhost",
      { sslmode: "verify-full", sslrootcert: wrongCa },
      /certificate|signature/,
    ],
    ["verify-ca with another authority", "127.0.0.1", { sslmode: "verify-ca", sslrootcert: wrongCa }, /certificate|signature/],
    ["verify-full with the authorities that Node.js knows", "localhost", { sslmode: "verify-full" }, /certificate/],
  ])("%s is refused with the reason", async (_, host, changes, reason) => {
    await expect(inspect({ ...at(location, { host }), ...changes })).rejects.toThrow(reason);
  });

  it.each([
    ["verify-full", "localhost", "is not signed by a trusted authority: name the PEM file of its authority as sslrootcert"],
    [`verify-full&sslrootcert=${ca}`, "127.0.0.1", "is for another host: write the host"],
  ])("with sslmode=%s the command line says what to do about the certificate", async (sslmode, host, advice) => {
    const url = urlOf(at(location, { host })).replace("sslmode=disable", `sslmode=${sslmode}`);
    const key = () => randomBytes(32).toString("base64");
    const secrets = { LATCHKEY_PEPPER: key(), LATCHKEY_MASTER_KEY: key() };
    const env = { LATCHKEY_MODE: "development", LATCHKEY_DATABASE_URL: url, ...secrets };
    const lines: string[] = [];
    const push = (line: string) => void lines.push(line);
    const code = await run(["migrate"], env, { out: push, err: push, confirm: async () => false });
    expect({ code, lines: lines.length }).toEqual({ code: 1, lines: 1 });
    expect(lines[0]).toContain(`The certificate of PostgreSQL ${advice}`);
    expect(lines[0]).toContain("LATCHKEY_DATABASE_URL");
  });

  it("a client certificate lets its user in without a password, and is read for each connection", async () => {
    const [sslcert, sslkey] = [join(directory, "client.pem"), join(directory, "client-key.pem")];
    const write = ({ cert, key }: Certificate) => [writeFileSync(sslcert, cert), writeFileSync(sslkey, key)];
    const as = { ...at(location, { host: "localhost" }), user: "certified", password: "" };
    const by = { ...as, sslmode: "verify-full", sslrootcert: ca, sslcert, sslkey } as const;
    const opener = createOpener(by);
    const userOf = async () => {
      const client = await opener.open({ settings: {} });
      const { rows } = await client.query(
        "SELECT current_user::text AS name, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
      );
      await client.end();
      return rows[0];
    };
    write(authority.issue(["certified"], "client"));
    expect(await userOf()).toEqual({ name: "certified", client_dn: "/CN=certified" });
    write(authority.issue(["another"], "client"));
    await expect(userOf()).rejects.toThrow('certificate authentication failed for user "certified"');
    write(stranger.issue(["certified"], "client"));
    await expect(userOf()).rejects.toThrow();
    await expect(inspect({ ...by, sslcert: null, sslkey: null })).rejects.toThrow("certificate");
    write(authority.issue(["certified"], "client"));
    expect(await userOf()).toMatchObject({ name: "certified" });
  });

  it("disable stays in the clear", async () => {
    const rows = await query(location, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    expect(rows).toEqual([{ ssl: false }]);
  });
});
