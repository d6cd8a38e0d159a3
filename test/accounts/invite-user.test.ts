import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { importUsers } from "../../src/accounts/import-users.js";
import { operator } from "../../src/apps/actor.js";
import { Channel } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { ContactKind, UserState } from "../../src/gen/latchkey/v1/user_pb.js";
import { newClient } from "../store/contract/directory-fixtures.js";
import { testEngines } from "../support/engines.js";
import { openTestDirectory } from "./directory.js";
import { contactsOf, type People, refusal, startPeople } from "./people.js";

describe.each(testEngines())("InviteUser on $engine", ({ database }) => {
  let people: People;
  beforeAll(async () => {
    people = await startPeople(await database());
    const { store } = people.on.app.core.deps;
    await store.apps.createClient({ client: newClient({ clientId: "shop-web", appId: "shop" }), secret: null });
    await people.changeApp("shop", { displayName: "Shop" });
  });
  afterAll(() => people.on.stop());

  const textTo = async (to: string, count = 1) => (await people.on.messages(to, count))[0]!;

  it("sends a message worded as an invitation, whose code signs the user in and makes the user active", async () => {
    const { main, on } = people;
    const { user, created, challenge } = await main.users.inviteUser({ email: "New@example.com", roles: ["reader"] });
    expect(created).toBe(true);
    expect(user).toMatchObject({ state: UserState.INVITED, roles: ["reader"] });
    const acts = on.log.lines.filter(({ fields }) => fields.user === Number(user!.number)).map(({ fields }) => fields.act);
    expect(acts).toEqual(["user.create", "user.invite"]);
    expect(contactsOf(user)).toEqual(["new@example.com claimed"]);
    expect(challenge).toMatchObject({ channel: Channel.EMAIL, maskedDestination: "n***@example.com" });
    const { code, text } = await on.messageOf(challenge);
    expect(text).toMatch(/invit/i);
    const signedIn = await main.auth.verifyOtp({ challengeId: challenge!.challengeId, code });
    expect(signedIn.user!.userId).toBe(user!.userId);
    const { user: after } = await main.users.getUser({ key: { case: "userId", value: user!.userId } });
    expect(after!.state).toBe(UserState.ACTIVE);
    expect(contactsOf(after)).toEqual(["new@example.com verified"]);
    people.advance(60_000);
    await people.signIn(main, "new@example.com");
    expect((await textTo("new@example.com", 2)).text).not.toMatch(/invit/i);
  });

  it("a repeat sends the invitation again while the user is invited, and changes nothing of the user", async () => {
    const { main } = people;
    const first = await main.users.inviteUser({ email: "again@example.com", displayName: "First" });
    const early = await refusal(main.users.inviteUser({ email: "again@example.com" }));
    expect(early.reason).toBe("TOO_MANY_REQUESTS");
    people.advance(60_000);
    const second = await main.users.inviteUser({ email: "again@example.com", displayName: "Second", roles: ["admin"] });
    expect(second.created).toBe(false);
    expect(second.user).toEqual(first.user);
    expect(second.challenge!.challengeId).not.toBe(first.challenge!.challengeId);
    expect((await textTo("again@example.com", 2)).text).toMatch(/invit/i);
  });

  it("a repeat with the same idempotency key sends no second message", async () => {
    const { main, on } = people;
    const request = { email: "once@example.com", appAttributes: { a: 1 }, idempotencyKey: "invitation-of-once-1" };
    const first = await main.users.inviteUser(request);
    const second = await main.users.inviteUser(request);
    expect(second.challenge).toEqual(first.challenge);
    await on.messageOf(first.challenge);
    people.advance(1_000);
    await main.users.inviteUser({ email: "later@example.com" }).then(async ({ challenge }) => await on.messageOf(challenge));
    expect(await on.messages("once@example.com")).toHaveLength(1);
  });

  it("a user who is active or locked is refused, and gets no message", async () => {
    const { main, on } = people;
    const email = "active@example.com";
    const { user } = await main.users.createUser({ email });
    for (const lock of [false, true]) {
      if (lock) await main.users.lockUser({ userId: user!.userId });
      expect(await refusal(main.users.inviteUser({ email }))).toMatchObject({
        reason: "ALREADY_EXISTS",
        metadata: { user_id: user!.userId },
      });
    }
    await main.users.inviteUser({ email: "other@example.com" }).then(async ({ challenge }) => await on.messageOf(challenge));
    const response = await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages?to=${email}`);
    expect(await response.json()).toEqual([]);
  });

  it.each(["none", "test"] as const)(
    "an invited user with the credential type %s is refused in one sentence, gets no message, and stays as is",
    async (credentialType) => {
      const { main, on } = people;
      const directory = await openTestDirectory(on);
      const deps = { ...on.app.core.deps, wakeOutbox: () => {}, directory };
      const email = `${credentialType}@example.com`;
      const userId = randomUUID();
      const contacts = [{ kind: "email", value: email, verifiedAt: null }] as const;
      const member = { userId, contacts, credentialType, state: "invited" } as const;
      await importUsers(deps, operator(), { appId: "default", members: [member] });
      await directory.stop();
      // No call finds a test account by a contact that is not verified.
      if (credentialType === "test") {
        await main.users.addContact({ userId, contact: { case: "email", value: email }, verified: true });
      }
      const key = { case: "userId", value: userId } as const;
      const { user: before } = await main.users.getUser({ key });
      const lines = on.log.lines.length;
      expect(await refusal(main.users.inviteUser({ email, roles: ["reader"] }))).toMatchObject({
        reason: "REQUEST_INVALID",
        violations: [
          `email: belongs to a user with the credential type ${credentialType.toUpperCase()}, whom no invitation signs in: do not invite this user`,
        ],
      });
      expect((await main.users.getUser({ key })).user).toEqual(before);
      expect(on.log.lines.slice(lines).filter(({ fields }) => fields.act !== undefined)).toEqual([]);
      const { challenge } = await main.users.inviteUser({ email: `after-${email}` });
      await on.messageOf(challenge);
      const response = await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages?to=${email}`);
      expect(await response.json()).toEqual([]);
    },
  );

  it("joins a person of the pool as invited, and the invitation names the app", async () => {
    const { main, shop, on } = people;
    const email = "known@example.com";
    const { user } = await main.users.createUser({ email, verified: [ContactKind.EMAIL] });
    const invited = await shop.users.inviteUser({ email });
    expect(invited).toMatchObject({ created: false, user: { userId: user!.userId, state: UserState.INVITED } });
    const { text } = await on.messageOf(invited.challenge);
    expect(text).toMatch(/invit/i);
    expect(text).toContain("Shop");
    const { user: here } = await main.users.getUser({ key: { case: "userId", value: user!.userId } });
    expect(here!.state).toBe(UserState.ACTIVE);
  });

  it("client_id lets another client of the app redeem the code, and no client of another app", async () => {
    const { main, shop, on } = people;
    const foreign = await refusal(main.users.inviteUser({ email: "web@example.com", clientId: "shop-web" }));
    expect(foreign.violations.map((text) => text.split(":")[0])).toEqual(["client_id"]);
    expect((await refusal(main.users.getUser({ key: { case: "email", value: "web@example.com" } }))).reason).toBe(
      "USER_NOT_FOUND",
    );
    const { challenge, user } = await shop.users.inviteUser({ email: "web@example.com", clientId: "shop-web" });
    const { code } = await on.messageOf(challenge);
    const guess = { challengeId: challenge!.challengeId, code };
    expect((await refusal(shop.auth.verifyOtp(guess))).reason).toBe("CODE_INVALID");
    expect((await on.authAs("shop-web").verifyOtp(guess)).user!.userId).toBe(user!.userId);
  });

  it("a message that can't be sent is refused before the user exists", async () => {
    const { island } = people;
    const gone = async (email: string) =>
      expect((await refusal(island.users.getUser({ key: { case: "email", value: email } }))).reason).toBe("USER_NOT_FOUND");
    const byPhone = await refusal(island.users.inviteUser({ email: "chan@example.com", channel: Channel.SMS }));
    expect(byPhone.violations).toEqual(["channel: does not reach a contact of the request"]);
    await gone("chan@example.com");
    await people.changeApp("island", { policy: { codeSignIn: false } });
    expect((await refusal(island.users.inviteUser({ email: "off@example.com" }))).reason).toBe("PURPOSE_NOT_ALLOWED");
    await people.changeApp("island", { policy: { channels: ["sms"] } });
    expect((await refusal(island.users.inviteUser({ email: "off@example.com" }))).reason).toBe("CHANNEL_UNAVAILABLE");
    await people.changeApp("island", { policy: {} });
    await gone("off@example.com");
  });
});
