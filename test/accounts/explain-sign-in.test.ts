import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ContactKind, CredentialType } from "../../src/gen/latchkey/v1/user_pb.js";
import { type ExplainSignInResponse, SignInObstacleKind as Kind } from "../../src/gen/latchkey/v1/user_service_pb.js";
import { testEngines } from "../support/engines.js";
import { type BackendUnderTest, disableContact, type People, refusal, startPeople, wrongCodes } from "./people.js";

type Request = Parameters<BackendUnderTest["users"]["explainSignIn"]>[0];

describe.each(testEngines())("ExplainSignIn on $engine", ({ database }) => {
  let people: People;
  beforeAll(async () => {
    people = await startPeople(await database());
  });
  afterAll(() => people.on.stop());

  const verified = [ContactKind.EMAIL];
  let made = 0;
  const newEmail = () => `person-${++made}@example.com`;
  const email = (value: string) => ({ key: { case: "email", value } }) as const;
  const byId = (value: string) => ({ key: { case: "userId", value } }) as const;

  const explain = async (request: Request, as: BackendUnderTest = people.main) => await as.users.explainSignIn(request);
  /** The kinds of the obstacles, each with the contact that it is about. */
  const kinds = ({ obstacles }: ExplainSignInResponse): string[] =>
    obstacles.map(({ kind, contact }) => (contact === undefined ? Kind[kind] : `${Kind[kind]} ${contact.value}`));

  it("says nothing if nothing stands in the way, and then the sign-in succeeds", async () => {
    const value = newEmail();
    const { user } = await people.main.users.createUser({ email: value, username: "free" });
    const keys = [
      email(value),
      byId(user!.userId),
      { key: { case: "number", value: user!.number } },
      { key: { case: "username", value: "free" } },
    ] as const;
    for (const key of keys)
      expect(await explain(key), key.key.case).toMatchObject({ obstacles: [], user: { userId: user!.userId } });
    expect((await people.signIn(people.main, value)).user!.userId).toBe(user!.userId);
  });

  it("NO_SUCH_USER: no one, a person of another app and one of another pool look alike; only an operator sees NO_MEMBERSHIP", async () => {
    const { shop, island, operator } = people;
    const [none, neighbour, foreign] = [newEmail(), newEmail(), newEmail()];
    await shop.users.createUser({ email: neighbour, verified });
    await island.users.createUser({ email: foreign, verified });
    const answers = await Promise.all([none, neighbour, foreign].map((value) => explain(email(value))));
    for (const answer of answers) {
      expect(kinds(answer)).toEqual(["NO_SUCH_USER"]);
      expect(answer).toEqual(answers[0]);
    }
    expect(answers[0]!.user).toBeUndefined();
    expect(kinds(await explain(email(neighbour), operator))).toEqual(["NO_MEMBERSHIP"]);
    expect((await explain(email(neighbour), operator)).user).toBeUndefined();
    expect(kinds(await explain(email(foreign), operator))).toEqual(["NO_SUCH_USER"]);
  });

  it("LOCKED: an administrator has locked the user", async () => {
    const value = newEmail();
    const { user } = await people.main.users.createUser({ email: value });
    await people.main.users.lockUser({ userId: user!.userId });
    const answer = await explain(email(value));
    expect(kinds(answer)).toEqual(["LOCKED"]);
    expect(answer.obstacles[0]!.text).toContain("UnlockUser");
  });

  it("CREDENTIAL_NONE: the user never signs in", async () => {
    const value = newEmail();
    await people.main.users.createUser({ email: value, credentialType: CredentialType.NONE });
    expect(kinds(await explain(email(value)))).toEqual(["CREDENTIAL_NONE"]);
  });

  it("CONTACT_UNPROVEN: a claim of a user who has verified another contact, unless the policy trusts claims", async () => {
    const [proven, claim] = [newEmail(), newEmail()];
    const { main } = people;
    const { user } = await main.users.createUser({ email: proven, verified });
    await main.users.addContact({ userId: user!.userId, contact: { case: "email", value: claim } });
    expect(kinds(await explain(email(claim)))).toEqual([`CONTACT_UNPROVEN ${claim}`]);
    expect(kinds(await explain(email(proven)))).toEqual([]);
    expect(kinds(await explain(byId(user!.userId)))).toEqual([`CONTACT_UNPROVEN ${claim}`]);
    await people.changeApp("default", { policy: { trustClaims: true } });
    expect(kinds(await explain(email(claim)))).toEqual([]);
    await people.changeApp("default", { policy: {} });
  });

  it("CONTACT_OF_ANOTHER: the claim of a user that another person has verified", async () => {
    const { main, shop } = people;
    const [own, claim] = [newEmail(), newEmail()];
    const { user } = await main.users.createUser({ email: own });
    await main.users.addContact({ userId: user!.userId, contact: { case: "email", value: claim } });
    await shop.users.createUser({ email: claim, verified });
    expect(kinds(await explain(byId(user!.userId)))).toEqual([`CONTACT_OF_ANOTHER ${claim}`]);
    const byContact = await explain(email(claim));
    expect(kinds(byContact)).toEqual([`CONTACT_OF_ANOTHER ${claim}`]);
    expect(byContact.user!.userId).toBe(user!.userId);
  });

  it("of several users who were given one contact, the one whom a code signs in is explained", async () => {
    const { main } = people;
    const [proven, shared] = [newEmail(), newEmail()];
    const older = await main.users.createUser({ email: proven, verified });
    const claim = { case: "email", value: shared } as const;
    await main.users.addContact({ userId: older.user!.userId, contact: claim });
    people.advance(1_000);
    const younger = await main.users.createUser({ phone: "+4915112345676" });
    await main.users.addContact({ userId: younger.user!.userId, contact: claim });
    const answer = await explain(email(shared));
    expect(answer.user!.userId).toBe(younger.user!.userId);
    expect(kinds(answer)).toEqual([]);
    expect(kinds(await explain(byId(older.user!.userId)))).toEqual([`CONTACT_OF_ANOTHER ${shared}`]);
    expect(kinds(await explain(byId(younger.user!.userId)))).toEqual([]);
    expect((await people.signIn(main, shared)).user!.userId).toBe(younger.user!.userId);
  });

  it("CONTACT_DISABLED: 100 wrong codes in a row, until UnblockUser", async () => {
    const value = newEmail();
    const { user } = await people.main.users.createUser({ email: value, verified });
    await disableContact(people, "main", value);
    expect(kinds(await explain(email(value)))).toEqual([`CONTACT_DISABLED ${value}`]);
    await people.main.users.unblockUser({ userId: user!.userId });
    expect(kinds(await explain(email(value)))).toEqual([]);
  });

  it("LOCKED_OUT: wrong codes have locked the account, with the end of it", async () => {
    const { main, on } = people;
    await people.changeApp("default", { policy: { lockoutFailures: 3, lockoutDurationMs: 600_000 } });
    const value = newEmail();
    await main.users.createUser({ email: value });
    const begin = on.clock();
    await wrongCodes(people, main, { email: value, count: 3 });
    const answer = await explain(email(value));
    expect(kinds(answer)).toEqual(["LOCKED_OUT"]);
    expect(timestampMs(answer.obstacles[0]!.until!)).toBe(begin + 600_000);
    people.advance(600_001);
    expect(kinds(await explain(email(value)))).toEqual([]);
    await people.changeApp("default", { policy: {} });
  });

  it("TOO_MANY_GUESSES: the guesses at the contact and the account are used up for a time, until UnblockUser", async () => {
    const { main, on } = people;
    const value = newEmail();
    const { user } = await main.users.createUser({ email: value, verified });
    const since = on.clock();
    for (const address of ["198.51.100.1", "198.51.100.2"]) {
      for (let round = 0; round < 2; round += 1) {
        const from = on.authWith({ authorization: main.backend.basic, "x-latchkey-end-user-ip": address });
        await wrongCodes(people, { ...main, auth: from }, { email: value, count: 5 });
        people.advance(120_000);
      }
    }
    const answer = await explain(email(value));
    expect(kinds(answer)).toEqual([`TOO_MANY_GUESSES ${value}`, "TOO_MANY_GUESSES"]);
    for (const { until } of answer.obstacles) {
      expect(timestampMs(until!)).toBeGreaterThanOrEqual(since + 3_600_000);
      expect(timestampMs(until!)).toBeLessThan(since + 4_000_000);
    }
    await main.users.unblockUser({ userId: user!.userId });
    expect(kinds(await explain(email(value)))).toEqual([]);
    expect(kinds(await explain({ ...email(value), endUserIp: "198.51.100.1" }))).toEqual([
      `TOO_MANY_GUESSES ${value}`,
      "TOO_MANY_GUESSES",
    ]);
    expect(kinds(await explain({ ...email(value), endUserIp: "198.51.100.3" }))).toEqual([]);
  });

  it("TOO_MANY_SENDS: the sends to the contact are used up, or the wait between two sends at one address is running", async () => {
    const { main, on } = people;
    const value = newEmail();
    const { user } = await main.users.createUser({ email: value });
    const send = async (address: string) =>
      await on
        .authWith({ authorization: main.backend.basic, "x-latchkey-end-user-ip": address })
        .sendOtp({ identifier: { case: "email", value } });
    await send("198.51.100.1");
    expect(kinds(await explain(email(value)))).toEqual([]);
    expect(kinds(await explain({ ...email(value), endUserIp: "198.51.100.1" }))).toEqual([`TOO_MANY_SENDS ${value}`]);
    expect(kinds(await explain({ ...email(value), endUserIp: "198.51.100.2" }))).toEqual([]);
    for (let index = 2; index <= 15; index += 1) {
      people.advance(60_000);
      await send(`198.51.100.${index}`);
    }
    people.advance(600_000);
    expect(kinds(await explain(email(value)))).toEqual([`TOO_MANY_SENDS ${value}`]);
    await main.users.unblockUser({ userId: user!.userId });
    expect(kinds(await explain(email(value)))).toEqual([]);
  });

  it("TOO_MANY_SENDS: as many codes are live as an identifier may have, until the first of them expires", async () => {
    const { main, on } = people;
    const value = newEmail();
    await main.users.createUser({ email: value });
    const begin = on.clock();
    for (let index = 1; index <= 10; index += 1) {
      const headers = { authorization: main.backend.basic, "x-latchkey-end-user-ip": `198.51.100.${index}` };
      await on.authWith(headers).sendOtp({ identifier: { case: "email", value } });
    }
    const answer = await explain(email(value));
    expect(kinds(answer)).toEqual([`TOO_MANY_SENDS ${value}`]);
    expect(timestampMs(answer.obstacles[0]!.until!)).toBe(begin + 300_000);
    people.advance(300_001);
    expect(kinds(await explain(email(value)))).toEqual([]);
  });

  it("an address or a client that can't be is refused by name", async () => {
    const value = newEmail();
    await people.main.users.createUser({ email: value });
    const address = await refusal(explain({ ...email(value), endUserIp: "1.2.3" }));
    expect(address.violations.map((text) => text.split(":")[0])).toEqual(["end_user_ip"]);
    const client = await refusal(explain({ ...email(value), endUserIp: "192.0.2.1", clientId: "shop-backend" }));
    expect(client.violations.map((text) => text.split(":")[0])).toEqual(["client_id"]);
  });

  it("NO_CONTACT: every contact of the user belongs to another person", async () => {
    const { main, shop } = people;
    const claim = newEmail();
    const { user } = await main.users.createUser({ email: claim });
    await shop.users.createUser({ email: claim, verified });
    expect(kinds(await explain(byId(user!.userId)))).toEqual(["NO_CONTACT", `CONTACT_OF_ANOTHER ${claim}`]);
  });

  it("CHANNEL_OFF: the policy does not allow the channel of the contact", async () => {
    const { main } = people;
    const { user } = await main.users.createUser({ email: newEmail(), phone: "+4915112345677" });
    await people.changeApp("default", { policy: { channels: ["email"] } });
    expect(kinds(await explain({ key: { case: "phone", value: "+4915112345677" } }))).toEqual(["CHANNEL_OFF +4915112345677"]);
    expect(kinds(await explain(byId(user!.userId)))).toEqual(["CHANNEL_OFF +4915112345677"]);
    await people.changeApp("default", { policy: {} });
  });

  it("COUNTRY_OFF: phone numbers of the contact's country get no messages", async () => {
    const { main } = people;
    const { user } = await main.users.createUser({ email: newEmail(), phone: "+4915112345679" });
    await people.changeApp("default", { policy: { smsCountries: ["SE"] } });
    expect(kinds(await explain({ key: { case: "phone", value: "+4915112345679" } }))).toEqual(["COUNTRY_OFF +4915112345679"]);
    expect(kinds(await explain(byId(user!.userId)))).toEqual(["COUNTRY_OFF +4915112345679"]);
    await people.changeApp("default", { policy: { smsCountries: ["DE"] } });
    expect(kinds(await explain(byId(user!.userId)))).toEqual([]);
    await people.changeApp("default", { policy: {} });
  });

  it("SIGN_IN_OFF and APP_ARCHIVED: it is the app, whoever the user is", async () => {
    const { operator, island } = people;
    const value = newEmail();
    await island.users.createUser({ email: value });
    await people.changeApp("island", { policy: { codeSignIn: false }, state: "archived" });
    expect(kinds(await explain({ appId: "island", ...email(value) }, operator))).toEqual(["APP_ARCHIVED", "SIGN_IN_OFF"]);
    expect(kinds(await explain({ appId: "island", ...email(newEmail()) }, operator))).toEqual([
      "APP_ARCHIVED",
      "SIGN_IN_OFF",
      "NO_SUCH_USER",
    ]);
    await people.changeApp("island", { policy: {}, state: "active" });
  });
});
