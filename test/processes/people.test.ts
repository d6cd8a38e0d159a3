import { Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceClient } from "../../src/client/service-client.js";
import { ClientKind } from "../../src/gen/latchkey/v1/client_pb.js";
import { ContactKind } from "../../src/gen/latchkey/v1/user_pb.js";
import { bearer, reasonOf, signIn } from "../serve/sign-in.js";
import { administratorOf } from "../support/administrator.js";
import { testEngines } from "../support/engines.js";
import { developmentEnv, endServers, type Server, startServer, until } from "../support/server.js";

const count = 3;
const rounds = 4;
const times = <T>(length: number, make: (n: number) => T): T[] => Array.from({ length }, (_, n) => make(n));

describe.each(testEngines())("people, by the calls to three servers on one $engine database", ({ database }) => {
  let servers: Server[];
  let admins: ServiceClient[];

  beforeAll(async () => {
    const env = {
      ...developmentEnv(),
      ...(await database()),
      LATCHKEY_RESEND_COOLDOWN: "0",
      LATCHKEY_TRUSTED_PROXIES: "127.0.0.1",
    };
    servers = [await startServer(env)];
    const { folder } = servers[0]!;
    const { app } = administratorOf(servers[0]!);
    await app.createApp({ appId: "shop" });
    await app.createClient({ appId: "shop", clientId: "shop-web", kind: ClientKind.PUBLIC });
    servers.push(...(await Promise.all(times(count - 1, () => startServer(env, { folder })))));
    admins = servers.map(administratorOf);
  });

  afterAll(async () => {
    for (const admin of admins) admin.close();
    await endServers();
  });

  const server = (n: number) => servers[n % count]!;
  const admin = (n: number) => admins[n % count]!;
  const byId = (userId: string) => ({ case: "userId" as const, value: userId });
  const byEmail = (value: string) => ({ case: "email" as const, value });

  /** A requester of its own for each, so that only the limits of the contact are shared. */
  function from(n: number, accessToken?: string) {
    const metadata = accessToken === undefined ? new Metadata() : bearer(accessToken).metadata;
    metadata.set("x-forwarded-for", `203.0.113.${n + 1}`);
    return { metadata };
  }

  async function codeOf(challengeId: string, email: string): Promise<string> {
    return await until("the code", async () => {
      const inboxes = await Promise.all(servers.map((one) => one.inbox(email)));
      return inboxes.flat().find((message) => message.challengeId === challengeId)?.code;
    });
  }

  /** Codes to one contact that are all live at once, and the calls that redeem them, each at the next server. */
  async function codes(email: string, length: number) {
    const sent = await Promise.all(
      times(length, (n) => server(n).grpc.sendOtp({ identifier: byEmail(email), createUserIfMissing: true }, from(n))),
    );
    const challenges = sent.map(({ challenge }) => challenge!.challengeId);
    const known = await Promise.all(
      challenges.map(async (challengeId) => ({ challengeId, code: await codeOf(challengeId, email) })),
    );
    return known.map((guess, n) => () => server(n).grpc.verifyOtp(guess, from(n)));
  }

  async function member(
    email: string,
  ): Promise<{ readonly userId: string; readonly accessToken: string; readonly refreshToken: string }> {
    const { accessToken, refreshToken } = await signIn(server(0), email, servers);
    const { user } = await server(1).grpc.getCurrentUser({}, bearer(accessToken));
    return { userId: user!.userId, accessToken, refreshToken };
  }

  /** What every server says of a session that must have ended. */
  async function expectEnded({ accessToken, refreshToken }: { accessToken: string; refreshToken: string }): Promise<void> {
    for (const one of servers) {
      expect(await reasonOf(one.grpc.getCurrentUser({}, bearer(accessToken)))).toBe("TOKEN_INVALID");
      expect(await reasonOf(one.grpc.refreshToken({ refreshToken }))).toBe("SESSION_ENDED");
    }
  }

  it("of 100 creations for one contact exactly one creates the user, and of 100 joins exactly one joins it", async () => {
    const email = "hundred@example.com";
    const create = (appId: string) =>
      Promise.allSettled(times(100, (n) => admin(n).user.createUser({ appId, email, verified: [ContactKind.EMAIL] })));
    const settled = await create("default");
    const created = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    expect(created).toHaveLength(1);
    expect(created[0]!.created).toBe(true);
    const refused = settled.filter((one) => one.status === "rejected").map(({ reason }) => reasonOf(Promise.reject(reason)));
    expect(new Set(await Promise.all(refused))).toEqual(new Set(["ALREADY_EXISTS"]));

    const joined = (await create("shop")).flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    expect(joined).toHaveLength(1);
    expect(joined[0]).toMatchObject({ created: false, user: { userId: created[0]!.user!.userId } });
    for (const appId of ["default", "shop"]) {
      const filter = { field: byEmail(email) };
      for (const one of admins) expect((await one.user.listUsers({ appId, filter })).users).toHaveLength(1);
    }
  });

  for (const [name, end] of [
    ["a lock", (userId: string) => admin(1).user.lockUser({ appId: "default", userId })],
    ["an end of the membership", (userId: string) => admin(1).user.deleteUser({ appId: "default", userId })],
    ["an erasure", (userId: string) => admin(1).user.deleteUser({ appId: "default", userId, erase: true })],
  ] as const) {
    it(`${name} that meets sign-ins and refreshes leaves no live session at any server`, async () => {
      for (const round of times(rounds, Number)) {
        const email = `${name.replaceAll(" ", "-")}-${round}@example.com`;
        const one = await member(email);
        await admin(0).user.createUser({ appId: "shop", email });
        const redeem = await codes(email, 6);
        const acts = [
          ...redeem.map((act) => act),
          ...times(6, (n) => () => server(n).grpc.refreshToken({ refreshToken: one.refreshToken }, from(20 + n))),
        ];
        const place = round * 3;
        const racing = acts.slice(0, place).map((act) => act());
        const ending = end(one.userId);
        const settled = await Promise.allSettled([...racing, ...acts.slice(place).map((act) => act())]);
        await ending;
        await expectEnded(one);
        for (const { tokens } of settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])))
          await expectEnded(tokens!);
        const sessions = reasonOf(admin(2).user.listUserSessions({ appId: "default", userId: one.userId }));
        if (name === "a lock") {
          expect(await sessions).toBeNull();
          expect((await admin(2).user.listUserSessions({ appId: "default", userId: one.userId })).sessions).toEqual([]);
        } else expect(await sessions).toBe("USER_NOT_FOUND");
        const inShop = reasonOf(admin(0).user.getUser({ appId: "shop", key: byId(one.userId) }));
        expect(await inShop).toBe(name === "an erasure" ? "USER_NOT_FOUND" : null);
      }
    });
  }

  it("a contact change that meets sign-ins by the new contact gives it to one holder, whom all servers name", async () => {
    for (const round of times(rounds, Number)) {
      const [old, next] = [`old-${round}@example.com`, `next-${round}@example.com`];
      const one = await member(old);
      const change = { contact: byEmail(next), replace: old };
      const { challenge } = await server(2).grpc.startContactChange(change, from(40, one.accessToken));
      const { challengeId } = challenge!;
      const code = await codeOf(challengeId, next);
      const redeem = await codes(next, 6);
      const place = (round % 3) * 2;
      const before = redeem.slice(0, place).map((act) => act());
      const proof = server(0).grpc.verifyOtp({ challengeId, code }, from(40, one.accessToken));
      const [changed, ...signedIn] = await Promise.allSettled([proof, ...before, ...redeem.slice(place).map((act) => act())]);
      const users = signedIn.flatMap((each) => (each.status === "fulfilled" ? [each.value.user!.userId] : []));
      const holders = await Promise.all(admins.map(({ user }) => user.getUser({ appId: "default", key: byEmail(next) })));
      const [holder, ...others] = new Set(holders.map(({ user }) => user!.userId));
      expect(others).toEqual([]);
      expect(new Set([...users, holder]).size).toBe(1);
      const { user } = await admin(1).user.getUser({ appId: "default", key: byId(one.userId) });
      const contacts = user!.contacts.map(({ value }) => value);
      if (changed!.status === "fulfilled") {
        expect(holder).toBe(one.userId);
        expect(contacts).toEqual([next]);
        expect(await reasonOf(admin(2).user.getUser({ appId: "default", key: byEmail(old) }))).toBe("USER_NOT_FOUND");
      } else {
        expect(await reasonOf(Promise.reject(changed!.reason))).toBe("CONTACT_TAKEN");
        expect(holder).not.toBe(one.userId);
        expect(contacts).toEqual([old]);
      }
    }
  });

  it("of ten users who change to one contact at once one gets it, and the others keep theirs", async () => {
    const next = "wanted@example.com";
    const people = await Promise.all(times(10, (n) => member(`wants-${n}@example.com`)));
    const started = await Promise.all(
      people.map(({ accessToken }, n) =>
        server(n).grpc.startContactChange(
          { contact: byEmail(next), replace: `wants-${n}@example.com` },
          from(60 + n, accessToken),
        ),
      ),
    );
    const guesses = await Promise.all(
      started.map(async ({ challenge }) => {
        const { challengeId } = challenge!;
        return { challengeId, code: await codeOf(challengeId, next) };
      }),
    );
    const reasons = await Promise.all(
      guesses.map((guess, n) => reasonOf(server(n).grpc.verifyOtp(guess, from(60 + n, people[n]!.accessToken)))),
    );
    expect(reasons.filter((reason) => reason === null)).toHaveLength(1);
    expect(reasons.filter((reason) => reason === "CONTACT_TAKEN")).toHaveLength(9);
    const contacts = await Promise.all(
      people.map(async ({ userId }, n) => {
        const { user } = await admin(n).user.getUser({ appId: "default", key: byId(userId) });
        return user!.contacts.map(({ value }) => value);
      }),
    );
    expect(contacts).toEqual(reasons.map((reason, n) => [reason === null ? next : `wants-${n}@example.com`]));
  });
});
