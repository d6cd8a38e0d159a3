import { randomUUID } from "node:crypto";
import pg from "pg";
import { storeLocation } from "../../src/server/core.js";
import { openStore } from "../../src/store/open.js";
import type { NewMember } from "../../src/store/port/users.js";
import { newApp } from "../store/contract/directory-fixtures.js";
import { testSettings } from "../support/app.js";

/** People to make, each with the address as a verified contact. */
export interface People {
  readonly addresses: readonly string[];
  /** `elsewhere`: another app of the pool has the membership. */
  readonly standing: "member" | "locked" | "elsewhere";
}

const batch = 500;

/** Makes people, in a database that has its tables. */
export async function makeUsers(url: string, people: readonly People[]): Promise<void> {
  const store = await openStore(storeLocation(testSettings({ LATCHKEY_DATABASE_URL: url })), { inFlight: () => 0 });
  const now = Date.now();
  await store.apps.createApp({ app: newApp({ appId: "elsewhere" }), now });
  for (const { addresses, standing } of people) {
    const appId = standing === "elsewhere" ? "elsewhere" : "default";
    for (let from = 0; from < addresses.length; from += batch) {
      const members = addresses.slice(from, from + batch).map((address) => newMember(address, standing, now));
      await store.users.create({ poolId: "main", appId, members, now });
    }
  }
  await store.close();
  if (url.startsWith("sqlite:")) return;
  // As autovacuum would within a minute: plans of a table that was filled a moment ago are not those of a service.
  const client = new pg.Client(url);
  await client.connect();
  await client.query("ANALYZE");
  await client.end();
}

function newMember(value: string, standing: People["standing"], verifiedAt: number): NewMember {
  const state = standing === "locked" ? "locked" : "active";
  const said = { roles: [], kind: "", ownerOrganization: "", externalId: null, appAttributes: "" };
  return {
    user: { userId: randomUUID(), number: null, username: null, displayName: "", locale: "", customAttributes: "" },
    contacts: [{ kind: "email", value, verifiedAt }],
    membership: { ...said, credentialType: "otp", state },
  };
}
