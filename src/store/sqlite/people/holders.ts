/**
 * SQL for the person that a contact names. Parameters are SQL texts: names of parameters or of columns.
 */

/** The columns of a challenge `c` that name its contact, as parameters. */
export const challengeContact = { pool: "c.pool_id", app: "c.app_id", kind: "c.contact_kind", value: "c.contact_value" };

/** The person of a pool that has the contact verified. */
export const verifiedHolder = ({ pool, kind, value }: { pool: string; kind: string; value: string }) =>
  `(SELECT o.user_id FROM contacts o WHERE o.pool_id = ${pool} AND o.kind = ${kind} AND o.value = ${value})`;

/**
 * SQL condition: the claim `l` signs its person in if no person has verified the contact. Trust counts for people of no other app,
 * because the person is the same in all apps of the pool.
 */
export const countsForPerson = (trustClaims: string) =>
  `(NOT EXISTS (SELECT 1 FROM contacts v WHERE v.user_id = l.user_id)
      OR ${trustClaims} AND NOT EXISTS (SELECT 1 FROM memberships e WHERE e.user_id = l.user_id AND e.app_id <> l.app_id))
    AND NOT EXISTS (SELECT 1 FROM memberships n WHERE n.user_id = l.user_id AND n.app_id = l.app_id AND n.credential_type <> 'otp')`;

/** SQL condition: the claim `l` is that of a test account. It names nobody, except to test codes. */
export const isOfTestAccount =
  "EXISTS (SELECT 1 FROM memberships t WHERE t.user_id = l.user_id AND t.app_id = l.app_id AND t.credential_type = 'test')";

/** The member of an app with the oldest claim to the contact, of those whose claim `condition` allows. */
export const claimant = ({ app, kind, value, condition }: { app: string; kind: string; value: string; condition: string }) =>
  `(SELECT l.user_id FROM claims l WHERE l.app_id = ${app} AND l.kind = ${kind} AND l.value = ${value} AND ${condition}
    ORDER BY l.created_at, l.user_id LIMIT 1)`;
