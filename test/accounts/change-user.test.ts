import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ContactKind, CredentialType, type User } from "../../src/gen/latchkey/v1/user_pb.js";
import { testEngines } from "../support/engines.js";
import { contactsOf, type People, proveContact, refusal, startPeople } from "./people.js";

describe.each(testEngines())("changes of a user on $engine", ({ database }) => {
  let people: People;
  beforeAll(async () => {
    people = await startPeople(await database());
  });
  afterAll(() => people.on.stop());

  let made = 0;
  async function newUser(fields: Parameters<People["main"]["users"]["createUser"]>[0] = {}): Promise<User> {
    made += 1;
    return (await people.main.users.createUser({ email: `user-${made}@example.com`, ...fields })).user!;
  }
  const read = async ({ userId }: User) => (await people.main.users.getUser({ key: { case: "userId", value: userId } })).user!;

  it("UpdateUser changes what the mask names, leaves the rest, and an empty value removes", async () => {
    const user = await newUser({
      username: "first",
      displayName: "First",
      roles: ["reader"],
      kind: "patient",
      externalId: "x-1",
      appAttributes: { a: 1 },
      ownerOrganization: "org",
    });
    const { main } = people;
    const changed = await main.users.updateUser({
      userId: user.userId,
      displayName: "Second",
      locale: "de",
      roles: ["admin", "editor"],
      customAttributes: { b: 2 },
      username: "ignored",
      updateMask: { paths: ["display_name", "locale", "roles", "custom_attributes"] },
    });
    expect(changed.user).toEqual({
      ...user,
      displayName: "Second",
      locale: "de",
      roles: ["admin", "editor"],
      customAttributes: { b: 2 },
    });
    const emptied = await main.users.updateUser({
      userId: user.userId,
      updateMask: { paths: ["username", "kind", "external_id", "app_attributes", "owner_organization", "roles"] },
    });
    const default_ = await newUser();
    expect(emptied.user).toMatchObject({
      username: "",
      kind: "",
      externalId: "",
      roles: [],
      displayName: "Second",
      ownerOrganization: default_.ownerOrganization,
    });
    expect(emptied.user!.appAttributes).toBeUndefined();
    expect(await read(user)).toEqual(emptied.user);
  });

  it("UpdateUser refuses the credential type in one sentence, and changes nothing else either", async () => {
    const user = await newUser();
    const refused = await refusal(
      people.main.users.updateUser({
        userId: user.userId,
        credentialType: CredentialType.NONE,
        displayName: "changed",
        updateMask: { paths: ["credential_type", "display_name"] },
      }),
    );
    expect(refused).toMatchObject({
      reason: "REQUEST_INVALID",
      violations: ["update_mask: names credential_type, which is fixed when the user is created"],
    });
    expect(await read(user)).toEqual(user);
  });

  it("UpdateUser takes roles of the app's list only", async () => {
    const user = await newUser({ roles: ["reader"] });
    const paths = ["roles"];
    const refused = await refusal(
      people.main.users.updateUser({ userId: user.userId, roles: ["root"], updateMask: { paths } }),
    );
    expect(refused.violations).toEqual(["roles[0]: is not a role of the app: add it to the app's roles first"]);
    expect(await read(user)).toEqual(user);
  });

  it("a role that the app removes stays with its users until they are changed, and no one gets it any more", async () => {
    const user = await newUser({ roles: ["editor", "reader"] });
    await people.changeApp("default", { roles: ["admin", "reader"] });
    expect((await read(user)).roles).toEqual(["editor", "reader"]);
    const { main } = people;
    expect((await refusal(main.users.createUser({ email: "late@example.com", roles: ["editor"] }))).reason).toBe(
      "REQUEST_INVALID",
    );
    const { user: changed } = await main.users.updateUser({
      userId: user.userId,
      roles: ["reader"],
      updateMask: { paths: ["roles"] },
    });
    expect(changed!.roles).toEqual(["reader"]);
    await people.changeApp("default", { roles: ["admin", "editor", "reader"] });
  });

  it("UpdateUser refuses a username and an external id of another user, and changes nothing", async () => {
    await newUser({ username: "owner", externalId: "o-1" });
    const user = await newUser();
    for (const [field, path] of [
      ["username", "username"],
      ["external_id", "external_id"],
    ] as const) {
      const refused = await refusal(
        people.main.users.updateUser({
          userId: user.userId,
          username: "Owner",
          externalId: "o-1",
          displayName: "changed",
          updateMask: { paths: [path, "display_name"] },
        }),
      );
      expect(refused).toMatchObject({ reason: "ALREADY_EXISTS", metadata: { field } });
    }
    expect(await read(user)).toEqual(user);
  });

  it("no method changes or shows a user of another app", async () => {
    const user = await newUser({ username: "mine" });
    const { userId } = user;
    const contact = { case: "email", value: "foreign@example.com" } as const;
    for (const { users } of [people.shop, people.island]) {
      const calls = [
        () => users.updateUser({ userId, displayName: "x", updateMask: { paths: ["display_name"] } }),
        () => users.lockUser({ userId }),
        () => users.unlockUser({ userId }),
        () => users.unblockUser({ userId }),
        () => users.deleteUser({ userId }),
        () => users.addContact({ userId, contact }),
        () => users.removeContact({ userId, contact: { case: "email", value: user.contacts[0]!.value } }),
        () => users.listUserSessions({ userId }),
        () => users.revokeUserSessions({ userId }),
      ];
      for (const call of calls) expect((await refusal(call())).reason).toBe("USER_NOT_FOUND");
    }
    expect(await read(user)).toEqual(user);
  });

  it("AddContact adds claims and verified contacts, makes one primary, and refuses a sixth of a kind", async () => {
    const user = await newUser();
    const { main } = people;
    const { userId } = user;
    const email = (value: string) => ({ case: "email", value }) as const;
    await main.users.addContact({ userId, contact: email("second@example.com"), verified: true });
    const third = await main.users.addContact({ userId, contact: email("Third@example.com"), verified: true, primary: true });
    expect(contactsOf(third.user)).toEqual([
      "third@example.com verified",
      "second@example.com verified",
      `${user.contacts[0]!.value} claimed`,
    ]);
    expect(third.user!.contacts.map(({ primary }) => primary)).toEqual([true, false, false]);
    for (const value of ["fourth@example.com", "fifth@example.com"])
      await main.users.addContact({ userId, contact: email(value) });
    const before = await read(user);
    expect((await refusal(main.users.addContact({ userId, contact: email("sixth@example.com") }))).reason).toBe(
      "TOO_MANY_CONTACTS",
    );
    expect(await read(user)).toEqual(before);
  });

  it("AddContact refuses a contact that another person has verified, and a mark without users:verify", async () => {
    await newUser({ email: "held@example.com", verified: [ContactKind.EMAIL] });
    const user = await newUser();
    const { userId } = user;
    const contact = { case: "email", value: "held@example.com" } as const;
    const taken = await refusal(people.main.users.addContact({ userId, contact }));
    expect(taken).toMatchObject({ reason: "ALREADY_EXISTS", metadata: { field: "email" } });
    const writer = await people.withScopes("users:write");
    const unmarked = await refusal(writer.users.addContact({ userId, contact, verified: true }));
    expect(unmarked).toMatchObject({ reason: "SCOPE_MISSING", metadata: { scope: "users:verify" } });
    expect(await read(user)).toEqual(user);
  });

  it("AddContact verifies a contact by a proof of that contact, made for the calling client", async () => {
    const user = await newUser();
    const { userId } = user;
    const { main, shop } = people;
    const proofs = await Promise.all([
      proveContact(people, shop, "proof@example.com"),
      proveContact(people, main, "else@example.com"),
      proveContact(people, main, "proof@example.com"),
    ]);
    const contact = { case: "email", value: "Proof@example.com" } as const;
    for (const contactProof of proofs.slice(0, 2)) {
      const refused = await refusal(main.users.addContact({ userId, contact, contactProof }));
      expect(refused.violations.map((text) => text.split(":")[0])).toEqual(["contact_proof"]);
    }
    expect(await read(user)).toEqual(user);
    const { user: changed } = await main.users.addContact({ userId, contact, contactProof: proofs[2]! });
    expect(contactsOf(changed)).toContain("proof@example.com verified");
  });

  it("RemoveContact removes one contact, refuses one that the user lacks, and keeps the last", async () => {
    const user = await newUser({ email: "stays@example.com", phone: "+4915112345699" });
    const { userId } = user;
    const { main } = people;
    const lacking = await refusal(main.users.removeContact({ userId, contact: { case: "email", value: "not@example.com" } }));
    expect(lacking.violations).toEqual(["email: is not a contact of the user"]);
    const { user: left } = await main.users.removeContact({ userId, contact: { case: "phone", value: "+49 151 12345699" } });
    expect(contactsOf(left)).toEqual(["stays@example.com claimed"]);
    const last = await refusal(main.users.removeContact({ userId, contact: { case: "email", value: "stays@example.com" } }));
    expect(last.reason).toBe("LAST_CONTACT");
    expect(contactsOf(await read(user))).toEqual(["stays@example.com claimed"]);
  });

  it("an administrator's act is one line with its author, the app, the user's number and the address, and no line has a contact", async () => {
    const user = await newUser({ email: "logged@example.com" });
    await people.main.users.lockUser({ userId: user.userId });
    const { lines } = people.on.log;
    const acts = lines.filter(({ fields }) => fields.user === Number(user.number));
    expect(acts.map(({ fields }) => fields.act)).toEqual(["user.create", "user.lock"]);
    expect(acts[1]!.fields).toMatchObject({ by: "main-backend", app: "default", address: "127.0.0.1" });
    expect(acts[1]!.fields.correlationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(lines)).not.toMatch(/[a-z0-9]@example\.com|\+49151/);
  });
});
