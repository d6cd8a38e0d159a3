import { randomUUID } from "node:crypto";
import pg from "pg";
import { connect } from "../../src/store/sqlite/connect.js";

const userColumns = "user_id, pool_id, display_name, locale, custom_attributes, created_at";
const contactColumns = "pool_id, kind, value, user_id, verified_at";

/** Makes a user for each address, in a database that has its tables. */
export async function makeUsers(url: string, addresses: readonly string[]): Promise<void> {
  const users = addresses.map((address) => ({ userId: randomUUID(), address }));
  if (url.startsWith("sqlite:")) {
    const db = connect(url.slice("sqlite:".length), { timeout: 5000 });
    const user = db.prepare(`INSERT INTO users (${userColumns}) VALUES (?, 'main', '', '', '', 0)`);
    const contact = db.prepare(`INSERT INTO contacts (${contactColumns}) VALUES ('main', 'email', ?, ?, 0)`);
    db.transaction(() => {
      for (const { userId, address } of users) {
        user.run(userId);
        contact.run(address, userId);
      }
    }).immediate();
    db.close();
    return;
  }
  const client = new pg.Client(url);
  await client.connect();
  const columns = [users.map(({ userId }) => userId), users.map(({ address }) => address)];
  await client.query(`INSERT INTO users (${userColumns}) SELECT id, 'main', '', '', '', 0 FROM unnest($1::text[]) AS id`, [
    columns[0],
  ]);
  await client.query(
    `INSERT INTO contacts (${contactColumns}) SELECT 'main', 'email', a, id, 0 FROM unnest($1::text[], $2::text[]) AS u (id, a)`,
    columns,
  );
  // As autovacuum would within a minute: plans of a table that was filled a moment ago are not those of a service.
  await client.query("ANALYZE");
  await client.end();
}
