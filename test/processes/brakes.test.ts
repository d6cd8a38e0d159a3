import { Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ContactKind } from "../../src/gen/latchkey/v1/user_pb.js";
import { reasonOf } from "../serve/sign-in.js";
import { administratorOf } from "../support/administrator.js";
import { query, testDatabases, urlOf } from "../support/postgres.js";
import { developmentEnv, endServers, type Server, startServer } from "../support/server.js";

const processes = 4;
const attacks = 10_000;
const addresses = 400;
const atOnce = 64;
/** The default budget of a country. */
const perHour = 500;
const known = 200;

const databases = testDatabases();
const times = <T>(length: number, make: (n: number) => T): T[] => Array.from({ length }, (_, n) => make(n));
/** A Swedish mobile number; 20 of them have one prefix. */
const swedish = (n: number) => `+4670${100 + Math.floor(n / 20)}${String(1_000 + (n % 20) * 7)}`.slice(0, 12);
/** A German mobile number, each with a prefix of its own. */
const german = (n: number) => `+49151${String(1_000 + n)}1234`;

let servers: Server[];
let location: Awaited<ReturnType<typeof databases.create>>;

beforeAll(async () => {
  location = await databases.create();
  const env = { ...developmentEnv(), LATCHKEY_DATABASE_URL: urlOf(location), LATCHKEY_TRUSTED_PROXIES: "127.0.0.1" };
  const first = await startServer(env);
  servers = [first, ...(await Promise.all(times(processes - 1, () => startServer(env, { folder: first.folder }))))];
  const { user, close } = administratorOf(first);
  const verified = [ContactKind.PHONE];
  await Promise.all(times(known, (n) => user.createUser({ appId: "default", phone: german(n), verified })));
  close();
});
afterAll(endServers);

function from(address: string) {
  const metadata = new Metadata();
  metadata.set("x-forwarded-for", address);
  return { metadata };
}

const outcomeOf = async (call: Promise<unknown>) => (await reasonOf(call)) ?? "sent";

it("10,000 registrations from 400 addresses against one country send exactly its budget, and codes to others go on", async () => {
  let next = 0;
  const outcomes: string[] = [];
  const signIns: string[] = [];
  const attack = async () => {
    for (let n = next++; n < attacks; n = next++) {
      const { grpc } = servers[n % processes]!;
      const address = n % addresses;
      const at = from(`203.0.${113 + (address >> 8)}.${address & 255}`);
      outcomes.push(await outcomeOf(grpc.registerUser({ phone: swedish(n) }, at)));
      // Known people sign in beside it, spread over the attack.
      if (n % (attacks / known) !== 0) continue;
      const identifier = { case: "phone", value: german(n / (attacks / known)) } as const;
      signIns.push(await outcomeOf(grpc.sendOtp({ identifier }, from(`198.51.100.${n % 250}`))));
    }
  };
  await Promise.all(times(atOnce, attack));
  expect(outcomes).toHaveLength(attacks);
  expect(outcomes.filter((one) => one === "sent")).toHaveLength(perHour);
  expect([...new Set(outcomes)].sort()).toEqual(["TOO_MANY_REQUESTS", "sent"]);
  const [stored] = await query<{ count: number }>(
    location,
    "SELECT count(*)::int AS count FROM challenges WHERE contact_value LIKE '+46%'",
  );
  expect(stored?.count).toBe(perHour);
  expect(signIns).toHaveLength(known);
  expect(signIns.filter((one) => one === "sent").length).toBeGreaterThanOrEqual(known * 0.99);
});
