import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { ContactKind, type User, UserState } from "../../src/gen/latchkey/v1/user_pb.js";
import { refusalOf } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { disableContact, type People, refusal, startPeople, wrongCodes } from "./people.js";

describe.each(testEngines())("lock, unblock, sessions and deletion of a user on $engine", ({ database }) => {
  let people: People;
  beforeAll(async () => {
    people = await startPeople(await database());
  });
  afterAll(() => people.on.stop());

  let made = 0;
  /** A user of `default` with one verified contact. */
  async function newUser(): Promise<{ readonly user: User; readonly userId: string; readonly email: string }> {
    made += 1;
    const email = `user-${made}@example.com`;
    const { user } = await people.main.users.createUser({ email, verified: [ContactKind.EMAIL] });
    return { user: user!, userId: user!.userId, email };
  }
  const isLive = async (accessToken: string) => {
    const auth = people.on.authWith({ authorization: `Bearer ${accessToken}` });
    return await auth.getCurrentUser({}).then(
      () => true,
      (error: unknown) => (refusalOf(error).reason === "TOKEN_INVALID" ? false : Promise.reject(error)),
    );
  };

  it("LockUser ends the sessions of the app, and no code signs the user in until UnlockUser", async () => {
    const { main, shop, on, advance } = people;
    const { userId, email } = await newUser();
    await shop.users.createUser({ email });
    const here = await people.signIn(main, email);
    advance(60_000);
    const there = await people.signIn(shop, email);
    advance(60_000);
    const { challenge: before } = await main.auth.sendOtp({ identifier: { case: "email", value: email } });
    const { code } = await on.messageOf(before);

    expect((await main.users.lockUser({ userId })).user!.state).toBe(UserState.LOCKED);
    expect(await isLive(here.tokens!.accessToken)).toBe(false);
    expect(await isLive(there.tokens!.accessToken)).toBe(true);
    const guess = await refusal(main.auth.verifyOtp({ challengeId: before!.challengeId, code }));
    expect(guess.reason).toBe("CODE_INVALID");
    advance(60_000);
    expect((await refusal(main.auth.sendOtp({ identifier: { case: "email", value: email } }))).reason).toBe("USER_LOCKED");
    expect((await main.users.lockUser({ userId })).user!.state).toBe(UserState.LOCKED);
    advance(60_000);
    expect((await people.signIn(shop, email)).user!.userId).toBe(userId);

    expect((await main.users.unlockUser({ userId })).user!.state).toBe(UserState.ACTIVE);
    expect(await isLive(here.tokens!.accessToken)).toBe(false);
    advance(60_000);
    expect((await people.signIn(main, email)).user!.userId).toBe(userId);
  });

  it("a lock and its end are logged once each, however often they are asked for", async () => {
    const { main, on } = people;
    const { user, userId } = await newUser();
    const lockUser = async () => (await main.users.lockUser({ userId })).user!.state;
    const unlockUser = async () => (await main.users.unlockUser({ userId })).user!.state;
    expect(await Promise.all([lockUser(), lockUser(), lockUser()])).toEqual(Array(3).fill(UserState.LOCKED));
    expect(await lockUser()).toBe(UserState.LOCKED);
    expect(await Promise.all([unlockUser(), unlockUser()])).toEqual(Array(2).fill(UserState.ACTIVE));
    expect(await unlockUser()).toBe(UserState.ACTIVE);
    const acts = on.log.lines.filter(({ fields }) => fields.user === Number(user.number)).map(({ fields }) => fields.act);
    expect(acts).toEqual(["user.create", "user.lock", "user.unlock"]);
  });

  it("UnlockUser leaves a user without a lock as is", async () => {
    const { main } = people;
    const invited = await main.users.inviteUser({ email: "still-invited@example.com" });
    const { user } = await main.users.unlockUser({ userId: invited.user!.userId });
    expect(user!.state).toBe(UserState.INVITED);
  });

  it("UnblockUser restores a disabled contact, and the spent guesses of the account", async () => {
    const { main, advance } = people;
    const { userId, email } = await newUser();
    await disableContact(people, "main", email);
    const refused = await refusal(people.signIn(main, email));
    expect(refused).toMatchObject({ reason: "CODE_INVALID", metadata: { cause: "CONTACT_DISABLED" } });
    const { user } = await main.users.unblockUser({ userId });
    expect(user!.userId).toBe(userId);
    advance(60_000);
    expect((await people.signIn(main, email)).user!.userId).toBe(userId);
  });

  it("UnblockUser acts 5 times a day for a user, whatever address and app it comes from: more are refused and reset nothing", async () => {
    const { main, shop, operator, advance, on } = people;
    const { userId, email } = await newUser();
    await shop.users.createUser({ email });
    const from = (address: string) => ({ headers: { "x-latchkey-end-user-ip": address } });
    for (const n of [1, 2]) await main.users.unblockUser({ userId }, from(`198.51.100.${n}`));
    const all = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => shop.users.unblockUser({ userId }, from(`198.51.101.${n}`))),
    );
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    await disableContact(people, "main", email);
    for (const { users } of [main, operator]) {
      const refused = await users
        .unblockUser({ userId }, from("203.0.113.7"))
        .catch((error: unknown) => ConnectError.from(error));
      expect(refused).toMatchObject({ code: Code.ResourceExhausted });
      expect((refused as ConnectError).findDetails(RetryInfoSchema)[0]!.retryDelay!.seconds).toBe(86_400n);
    }
    expect((await refusal(people.signIn(main, email))).metadata).toEqual({ cause: "CONTACT_DISABLED" });
    const another = await newUser();
    await main.users.unblockUser({ userId: another.userId });
    advance(86_400_000);
    await main.users.unblockUser({ userId });
    expect((await people.signIn(main, email)).user!.userId).toBe(userId);
    expect(on.log.lines.filter(({ fields }) => fields.act === "user.unblock" && fields.app === "shop")).toHaveLength(3);
  });

  it("UnblockUser ends a lockout of the account", async () => {
    const { main, advance } = people;
    await people.changeApp("default", { policy: { lockoutFailures: 3 } });
    const { userId, email } = await newUser();
    await wrongCodes(people, main, { email, count: 3 });
    advance(60_000);
    expect((await refusal(main.auth.sendOtp({ identifier: { case: "email", value: email } }))).reason).toBe("ACCOUNT_LOCKED");
    await main.users.unblockUser({ userId });
    expect((await people.signIn(main, email)).user!.userId).toBe(userId);
    await people.changeApp("default", { policy: {} });
  });

  it("ListUserSessions and RevokeUserSessions reach the sessions of the user in the app alone", async () => {
    const { main, shop, advance } = people;
    const { userId, email } = await newUser();
    await shop.users.createUser({ email });
    const there = await people.signIn(shop, email);
    for (let index = 0; index < 3; index += 1) {
      advance(900_000);
      await people.signIn(main, email);
    }
    const { sessions } = await main.users.listUserSessions({ userId });
    expect(sessions.map(({ clientId }) => clientId)).toEqual(["main-backend", "main-backend", "main-backend"]);
    expect(sessions.some(({ current }) => current)).toBe(false);
    const foreign = await refusal(main.users.revokeUserSessions({ userId, sessionId: there.sessionId }));
    expect(foreign.reason).toBe("SESSION_NOT_FOUND");
    const one = await main.users.revokeUserSessions({ userId, sessionId: sessions[0]!.sessionId });
    expect(one.revokedCount).toBe(1);
    expect((await main.users.listUserSessions({ userId })).sessions).toEqual(sessions.slice(1));
    expect((await main.users.revokeUserSessions({ userId })).revokedCount).toBe(2);
    expect((await main.users.listUserSessions({ userId })).sessions).toEqual([]);
    expect((await shop.users.listUserSessions({ userId })).sessions.map(({ sessionId }) => sessionId)).toEqual([
      there.sessionId,
    ]);
  });

  it("DeleteUser ends the membership, and the last one erases the person", async () => {
    const { main, shop } = people;
    const { userId, email } = await newUser();
    await shop.users.createUser({ email });
    const here = await people.signIn(main, email);
    expect((await main.users.deleteUser({ userId })).erased).toBe(false);
    expect(await isLive(here.tokens!.accessToken)).toBe(false);
    expect((await refusal(main.users.getUser({ key: { case: "userId", value: userId } }))).reason).toBe("USER_NOT_FOUND");
    expect((await refusal(main.users.deleteUser({ userId }))).reason).toBe("USER_NOT_FOUND");
    expect((await shop.users.getUser({ key: { case: "email", value: email } })).user!.userId).toBe(userId);
    expect((await shop.users.deleteUser({ userId })).erased).toBe(true);
    const { created, user } = await main.users.createUser({ email });
    expect(created).toBe(true);
    expect(user!.userId).not.toBe(userId);
  });

  it("DeleteUser with erase takes the person out of all apps, and only an operator may", async () => {
    const { main, shop, operator } = people;
    const { userId, email } = await newUser();
    await shop.users.createUser({ email });
    expect(await refusal(main.users.deleteUser({ userId, erase: true }))).toMatchObject({
      reason: "SCOPE_MISSING",
      metadata: { scope: "operator" },
    });
    expect((await main.users.getUser({ key: { case: "userId", value: userId } })).user!.userId).toBe(userId);
    expect((await operator.users.deleteUser({ userId, erase: true })).erased).toBe(true);
    for (const { users } of [main, shop]) {
      expect((await refusal(users.getUser({ key: { case: "userId", value: userId } }))).reason).toBe("USER_NOT_FOUND");
    }
  });
});
