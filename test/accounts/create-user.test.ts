import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ContactKind, CredentialType, UserState } from "../../src/gen/latchkey/v1/user_pb.js";
import { together } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { contactsOf, type People, proveContact, refusal, startPeople } from "./people.js";

describe.each(testEngines())("CreateUser on $engine", ({ database }) => {
  let people: People;
  beforeAll(async () => {
    people = await startPeople(await database());
  });
  afterAll(() => people.on.stop());

  it("creates a user with everything that the request says, and GetUser answers the same", async () => {
    const { main } = people;
    const { user, created } = await main.users.createUser({
      email: "Ada@Example.com",
      phone: "+49 151 12345678",
      username: "Ada",
      displayName: "Ada",
      locale: "sv-SE",
      customAttributes: { theme: "dark" },
      roles: ["editor", "admin"],
      kind: "patient",
      ownerOrganization: "org-7",
      externalId: "crm/17",
      appAttributes: { tier: 3 },
    });
    expect(created).toBe(true);
    expect(user).toMatchObject({
      username: "ada",
      displayName: "Ada",
      locale: "sv-SE",
      customAttributes: { theme: "dark" },
      state: UserState.ACTIVE,
      roles: ["editor", "admin"],
      kind: "patient",
      ownerOrganization: "org-7",
      externalId: "crm/17",
      appAttributes: { tier: 3 },
      credentialType: CredentialType.OTP,
    });
    expect(contactsOf(user)).toEqual(["ada@example.com claimed", "+4915112345678 claimed"]);
    expect(user!.number).toBeGreaterThan(0n);
    expect((await main.users.getUser({ key: { case: "externalId", value: "crm/17" } })).user).toEqual(user);
  });

  it("needs no more than one contact, and gives the user the organization of the app", async () => {
    const { main, shop } = people;
    const { user } = await main.users.createUser({ phone: "+4915112345601" });
    const { user: other } = await main.users.createUser({ email: "only-email@example.com" });
    const { user: elsewhere } = await shop.users.createUser({ email: "only-email-too@example.com" });
    expect(contactsOf(user)).toEqual(["+4915112345601 claimed"]);
    expect(user!.ownerOrganization).toMatch(/^[0-9a-f-]{36}$/);
    expect(other!.ownerOrganization).toBe(user!.ownerOrganization);
    expect(elsewhere!.ownerOrganization).not.toBe(user!.ownerOrganization);
    expect(await refusal(main.users.createUser({ username: "nobody" }))).toMatchObject({
      reason: "REQUEST_INVALID",
      violations: [
        "email: is missing: give an e-mail address, a phone number, or both",
        "phone: is missing: give an e-mail address, a phone number, or both",
      ],
    });
  });

  it("joins a person of the pool to the app and changes nothing else of the person", async () => {
    const { main, shop } = people;
    const email = "grace@example.com";
    const first = await main.users.createUser({
      email,
      verified: [ContactKind.EMAIL],
      displayName: "Grace",
      username: "grace",
    });
    const joined = await shop.users.createUser({
      email,
      displayName: "Somebody",
      username: "other",
      locale: "de",
      customAttributes: { a: 1 },
      roles: ["reader"],
      externalId: "g-1",
    });
    expect(joined.created).toBe(false);
    expect(joined.user).toMatchObject({
      userId: first.user!.userId,
      number: first.user!.number,
      displayName: "Grace",
      username: "grace",
      locale: "",
      roles: ["reader"],
      externalId: "g-1",
    });
    expect(joined.user!.customAttributes).toBeUndefined();
    const { user } = await main.users.getUser({ key: { case: "email", value: email } });
    expect(user).toEqual(first.user);
    expect(people.on.log.lines.some(({ fields }) => fields.act === "user.join" && fields.by === "shop-backend")).toBe(true);
  });

  it("refuses a person who is a user of the app already, names the user, and changes nothing", async () => {
    const { main } = people;
    const email = "twice@example.com";
    const { user } = await main.users.createUser({ email, roles: ["reader"] });
    const again = await refusal(main.users.createUser({ email, roles: ["admin"], displayName: "Changed" }));
    expect(again).toMatchObject({ reason: "ALREADY_EXISTS", metadata: { user_id: user!.userId } });
    expect((await main.users.getUser({ key: { case: "email", value: email } })).user).toEqual(user);
  });

  it("refuses contacts of two people and changes neither", async () => {
    const { main, shop } = people;
    const verified = [ContactKind.EMAIL];
    const a = await main.users.createUser({ email: "person-a@example.com", verified });
    const b = await main.users.createUser({ phone: "+4915112345602", verified: [ContactKind.PHONE] });
    const both = { email: "person-a@example.com", phone: "+4915112345602" };
    expect((await refusal(shop.users.createUser(both))).reason).toBe("ALREADY_EXISTS");
    for (const { user } of [a, b]) {
      const key = { case: "userId", value: user!.userId } as const;
      expect((await main.users.getUser({ key })).user).toEqual(user);
      expect((await refusal(shop.users.getUser({ key }))).reason).toBe("USER_NOT_FOUND");
    }
  });

  it("refuses a username and an external id of another user by name, and creates nothing", async () => {
    const { main } = people;
    await main.users.createUser({ email: "taken@example.com", username: "taken", externalId: "e-1" });
    const name = await refusal(main.users.createUser({ email: "free@example.com", username: "Taken" }));
    expect(name).toMatchObject({ reason: "ALREADY_EXISTS", metadata: { field: "username" } });
    const id = await refusal(main.users.createUser({ email: "free@example.com", externalId: "e-1" }));
    expect(id).toMatchObject({ reason: "ALREADY_EXISTS", metadata: { field: "external_id" } });
    expect((await refusal(main.users.getUser({ key: { case: "email", value: "free@example.com" } }))).reason).toBe(
      "USER_NOT_FOUND",
    );
  });

  it("takes roles of the app's list only, with the place of each one that is not", async () => {
    const { main } = people;
    const refused = await refusal(main.users.createUser({ email: "roles@example.com", roles: ["admin", "owner"] }));
    expect(refused).toMatchObject({
      reason: "REQUEST_INVALID",
      violations: ["roles[1]: is not a role of the app: add it to the app's roles first"],
    });
    expect((await refusal(main.users.getUser({ key: { case: "email", value: "roles@example.com" } }))).reason).toBe(
      "USER_NOT_FOUND",
    );
  });

  it("marks a contact as verified for a client with users:verify alone", async () => {
    const { main, withScopes } = people;
    const writer = await withScopes("users:write");
    const email = "marked@example.com";
    const refused = await refusal(writer.users.createUser({ email, verified: [ContactKind.EMAIL] }));
    expect(refused).toMatchObject({ reason: "SCOPE_MISSING", metadata: { scope: "users:verify" } });
    const { user } = await main.users.createUser({ email, verified: [ContactKind.EMAIL] });
    expect(contactsOf(user)).toEqual([`${email} verified`]);
    const none = await refusal(main.users.createUser({ email: "x@example.com", verified: [ContactKind.PHONE] }));
    expect(none.violations).toEqual(["verified: names a contact that the request does not have"]);
  });

  it("takes a contact proof that was made for the calling client, and no other", async () => {
    const { shop, withScopes, on } = people;
    const prover = await withScopes("users:write", "otp:send", "otp:verify");
    const mine = await proveContact(people, prover, "proven@example.com");
    const theirs = await proveContact(people, shop, "proven@example.com");
    const ofAnother = await proveContact(people, prover, "another@example.com");
    const session = await prover.auth
      .sendOtp({ identifier: { case: "email", value: "grace@example.com" } })
      .then(async ({ challenge }) => {
        const { code } = await on.messageOf(challenge);
        return await prover.auth.verifyOtp({ challengeId: challenge!.challengeId, code });
      });
    for (const proof of [
      theirs,
      ofAnother,
      `${mine.slice(0, -4)}${mine.at(-4) === "A" ? "B" : "A"}${mine.slice(-3)}`,
      session.tokens!.accessToken,
    ]) {
      const refused = await refusal(prover.users.createUser({ email: "proven@example.com", contactProofs: [proof] }));
      expect(refused.violations.map((text) => text.split(":")[0])).toEqual(["contact_proofs"]);
    }
    const { user } = await prover.users.createUser({ email: "Proven@example.com", contactProofs: [mine] });
    expect(contactsOf(user)).toEqual(["proven@example.com verified"]);
  });

  it("takes two proofs of one contact as one, and refuses both if one of them proves no contact of the request", async () => {
    const prover = await people.withScopes("users:write", "otp:send", "otp:verify");
    const first = await proveContact(people, prover, "doubly@example.com");
    people.on.clock.advance(60_000);
    const second = await proveContact(people, prover, "doubly@example.com");
    const third = await proveContact(people, prover, "third@example.com");
    const contacts = { email: "doubly@example.com", phone: "+46701239876" };
    const refused = await refusal(prover.users.createUser({ ...contacts, contactProofs: [first, third] }));
    expect(refused.violations.map((text) => text.split(":")[0])).toEqual(["contact_proofs"]);
    const { user } = await prover.users.createUser({ ...contacts, contactProofs: [first, second] });
    expect(contactsOf(user)).toEqual(["doubly@example.com verified", "+46701239876 claimed"]);
  });

  it("gives a user with CREDENTIAL_TYPE_NONE no code, although the answer is that of any other", async () => {
    const { main, on } = people;
    const email = "silent@example.com";
    const { user } = await main.users.createUser({ email, credentialType: CredentialType.NONE });
    expect(user!.credentialType).toBe(CredentialType.NONE);
    const { challenge } = await main.auth.sendOtp({ identifier: { case: "email", value: email } });
    expect(challenge!.maskedDestination).toBe("s***@example.com");
    // Messages are sent in order, so the code of a later challenge says that the earlier one has none.
    await main.users.createUser({ email: "heard@example.com" });
    await people.signIn(main, "heard@example.com");
    const listed = await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages?to=${email}`);
    expect(await listed.json()).toEqual([]);
  });

  it("creates one user of 20 parallel calls for one contact, and the others name that user", async () => {
    const { main } = people;
    const { results, reasons } = await together(20, () => main.users.createUser({ email: "race@example.com" }));
    expect(results).toHaveLength(1);
    expect(reasons).toEqual({ ALREADY_EXISTS: 19 });
  });

  it("another app needs the scope operator, before it is known whether the app exists", async () => {
    const { main, operator } = people;
    for (const appId of ["shop", "missing"]) {
      const refused = await refusal(main.users.createUser({ appId, email: "foreign@example.com" }));
      expect(refused).toMatchObject({ reason: "SCOPE_MISSING", metadata: { scope: "operator" } });
    }
    expect((await refusal(operator.users.createUser({ appId: "missing", email: "foreign@example.com" }))).reason).toBe(
      "APP_NOT_FOUND",
    );
    const { user } = await operator.users.createUser({ appId: "island", email: "foreign@example.com" });
    const key = { case: "userId", value: user!.userId } as const;
    expect((await people.island.users.getUser({ key })).user).toEqual(user);
    expect((await refusal(main.users.getUser({ key }))).reason).toBe("USER_NOT_FOUND");
  });
});
