import { expect, it } from "vitest";
import { openStore } from "../../../src/store/open.js";
import { testDatabases } from "../../support/postgres.js";
import { appId, email, newUser, signIn, t0 } from "../contract/fixtures.js";

const databases = testDatabases();

it.each([
  ["U+0000 and backslashes", "a\\0b\0c\\", "a\\0b\0c\\"],
  ["half a surrogate pair", "a\ud800b", "a\ufffdb"],
  ["quotes and JSON", `"'{"a":1}\\u0000`, `"'{"a":1}\\u0000`],
])("a new user's name with %s is kept as far as UTF-8 can", async (_, displayName, kept) => {
  const store = await openStore(await databases.create(), { inFlight: () => 0 });
  const { user, session } = await signIn(store, email(), {
    newUser: newUser({ displayName, customAttributes: '{"a":"\\u0000"}' }),
  });
  expect(user.displayName).toBe(kept);
  expect((await store.sessions.findLive({ sessionId: session.sessionId, now: t0 }))?.user).toEqual(user);
  expect((await store.users.update({ appId, userId: user.userId, displayName }))?.displayName).toBe(kept);
  await store.close();
});
