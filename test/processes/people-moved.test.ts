import { afterEach, beforeEach, expect, it } from "vitest";
import type { ServiceClient } from "../../src/client/service-client.js";
import { ClientKind } from "../../src/gen/latchkey/v1/client_pb.js";
import { type User, UserState } from "../../src/gen/latchkey/v1/user_pb.js";
import { bearer, reasonOf, sendCode, signIn } from "../serve/sign-in.js";
import { administratorOf } from "../support/administrator.js";
import { testDatabases, urlOf } from "../support/postgres.js";
import { developmentEnv, type Env, endServers, runLatchkey, type Server, startServer, until } from "../support/server.js";

const databases = testDatabases();
let env: Env;
let server: Server;
let admin: ServiceClient;

beforeEach(async () => {
  env = { ...developmentEnv(), LATCHKEY_RESEND_COOLDOWN: "0" };
  server = await startServer(env);
  admin = administratorOf(server);
});
afterEach(async () => {
  admin.close();
  await endServers();
});

async function restart(change: Env = {}): Promise<void> {
  admin.close();
  server = await server.restart(change);
  admin = administratorOf(server);
}

async function latchkey(...args: readonly string[]): Promise<void> {
  expect(await runLatchkey(args, env, server.folder)).toMatchObject({ code: 0, stderr: [] });
}

const codeOf = (challengeId: string | undefined, email: string) =>
  until("the code", async () => (await server.inbox(email)).find((message) => message.challengeId === challengeId)?.code);

/** All that the administrator sees of the members of both apps, in the order of their numbers. */
async function everybody(): Promise<readonly (readonly User[])[]> {
  const pages = await Promise.all(["default", "shop"].map((appId) => admin.user.listUsers({ appId })));
  return pages.map(({ users }) => users);
}

/** Ada is in two apps and changes her address, Grace is claimed, Linus invited, Edsger locked. */
async function people() {
  await admin.app.createApp({ appId: "shop", roles: ["buyer"] });
  await admin.app.createClient({ appId: "shop", clientId: "shop-web", kind: ClientKind.PUBLIC });
  const ada = await signIn(server, "ada@example.com");
  await admin.user.createUser({
    appId: "shop",
    email: "ada@example.com",
    roles: ["buyer"],
    kind: "patient",
    externalId: "crm-1",
    appAttributes: { city: "Łódź \\ " },
  });
  await admin.user.createUser({ email: "grace@example.com", phone: "+46701740605", username: "grace" });
  const invitation = await admin.user.inviteUser({ email: "linus@example.com", clientId: "default-web" });
  const linus = {
    challengeId: invitation.challenge!.challengeId,
    code: await codeOf(invitation.challenge?.challengeId, "linus@example.com"),
  };
  const edsger = await signIn(server, "edsger@example.com");
  const { user } = await server.grpc.getCurrentUser({}, bearer(edsger.accessToken));
  await admin.user.lockUser({ userId: user!.userId });
  const change = { contact: { case: "email" as const, value: "countess@example.com" }, replace: "ada@example.com" };
  const { challenge } = await server.grpc.startContactChange(change, bearer(ada.accessToken));
  const countess = {
    challengeId: challenge!.challengeId,
    code: await codeOf(challenge?.challengeId, "countess@example.com"),
  };
  return { ada, linus, edsger, countess };
}

const highest = (all: readonly (readonly User[])[]) =>
  all.flat().reduce((most, { number }) => (number > most ? number : most), 0n);

it("a move takes members, claims, invitations, locks and contact changes along, and numbers go on where they were", async () => {
  const { ada, linus, edsger, countess } = await people();
  const before = await everybody();
  expect(before.map((users) => users.length)).toEqual([4, 1]);
  const location = await databases.createEmpty();
  await latchkey("migrate", "--to", urlOf(location));
  await server.stop();
  await restart({ LATCHKEY_DATABASE_URL: urlOf(location) });

  expect(await everybody()).toEqual(before);
  const { user } = await admin.user.createUser({ email: "next@example.com" });
  expect(user!.number).toBeGreaterThan(highest(before));
  const changed = await server.grpc.verifyOtp(countess, bearer(ada.accessToken));
  expect(changed.user?.contacts.map(({ value }) => value)).toEqual(["countess@example.com"]);
  expect(await server.grpc.verifyOtp(linus)).toMatchObject({
    isNewUser: false,
    user: { contacts: [{ value: "linus@example.com" }] },
  });
  expect(await reasonOf(server.grpc.getCurrentUser({}, bearer(edsger.accessToken)))).toBe("TOKEN_INVALID");
  const { challenge } = await server.grpc.sendOtp({ identifier: { case: "email", value: "edsger@example.com" } });
  expect(challenge).toBeDefined();
  expect((await admin.user.getUser({ key: { case: "email", value: "edsger@example.com" } })).user?.state).toBe(
    UserState.LOCKED,
  );
  const grace = before[0]!.find(({ username }) => username === "grace")!;
  expect((await server.grpc.verifyOtp(await sendCode(server, "grace@example.com"))).user?.userId).toBe(grace.userId);
});

it("a restored backup has the members of its time with all that their apps say of them, and no change of a contact goes on", async () => {
  const { ada, countess } = await people();
  const before = await everybody();
  await latchkey("backup", "copy.db");
  const [one, , other] = before[0]!;
  await admin.user.deleteUser({ userId: other!.userId });
  await admin.user.updateUser({ appId: "shop", userId: one!.userId, kind: "changed", updateMask: { paths: ["kind"] } });
  await admin.user.createUser({ email: "later@example.com" });
  await server.stop();
  await latchkey("restore", "copy.db", "--force");
  await restart();
  expect(await everybody()).toEqual(before);
  expect(await reasonOf(server.grpc.getCurrentUser({}, bearer(ada.accessToken)))).toBe("TOKEN_INVALID");
  const again = await signIn(server, "ada@example.com");
  expect(await reasonOf(server.grpc.verifyOtp(countess, bearer(again.accessToken)))).toBe("CODE_INVALID");
  expect(highest(await everybody())).toBe(highest(before));
});
