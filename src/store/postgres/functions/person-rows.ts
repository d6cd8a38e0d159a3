/** SQL for a user's row without its contacts, as JSON that `toUser` reads. */
export function userRowOf(user: string): string {
  return `jsonb_build_object('user_id', ${user}.user_id, 'number', ${user}.number, 'username', ${user}.username,
    'display_name', ${user}.display_name, 'locale', ${user}.locale, 'custom_attributes', ${user}.custom_attributes,
    'user_created_at', ${user}.created_at)`;
}

/** SQL for a membership's row, as JSON that `toMembership` reads. */
export function membershipRowOf(membership: string): string {
  return `jsonb_build_object('app_id', ${membership}.app_id, 'roles', ${membership}.roles, 'kind', ${membership}.kind,
    'owner_organization', ${membership}.owner_organization, 'external_id', ${membership}.external_id,
    'app_attributes', ${membership}.app_attributes, 'credential_type', ${membership}.credential_type,
    'state', ${membership}.state, 'joined_at', ${membership}.joined_at)`;
}

/**
 * SQL for the contacts of a user that an app sees, as [[kind, value, verified_at]]: the verified ones, then those that the app
 * only claims. The first of each kind is the primary one.
 */
export function contactsOf(user: string, app: string): string {
  return `(SELECT coalesce(jsonb_agg(jsonb_build_array(k.kind, k.value, k.verified_at) ORDER BY k.is_claim, k.rank, k.kind, k.value), '[]')
    FROM (
      SELECT o.kind, o.value, o.verified_at, o.rank, false AS is_claim FROM contacts o WHERE o.user_id = ${user}
      UNION ALL
      SELECT q.kind, q.value, NULL, q.created_at, true FROM claims q
      WHERE ${ownClaims("q", user, app)} AND NOT EXISTS (
        SELECT 1 FROM contacts o WHERE o.user_id = q.user_id AND o.kind = q.kind AND o.value = q.value)
    ) AS k)`;
}

/**
 * SQL condition: a claim is the person's own in an app. Not by `=`: a plan that was made while the table was empty could then use
 * the primary key, and would read all claims of the app.
 */
export function ownClaims(claim: string, user: string, app: string): string {
  return `${claim}.user_id = ${user} AND ${claim}.app_id IS NOT DISTINCT FROM ${app}`;
}

/** SQL condition: a claim is not that of a test account. Those name nobody, except to test codes. */
export function isNoTestClaim(claim: string): string {
  return `(SELECT m.credential_type FROM memberships m WHERE m.app_id = ${claim}.app_id AND m.user_id = ${claim}.user_id) <> 'test'`;
}

/**
 * SQL for the id of the member whose claim to a contact counts, if no person has the contact verified. See `claimant_of`. Scalar
 * subqueries at the top level, because a join could read all memberships.
 */
export function claimantOf(app: string, kind: string, value: string, trusted: string): string {
  return `(SELECT k.user_id FROM claims k
    WHERE k.app_id = ${app} AND k.kind = ${kind} AND k.value = ${value}
      AND (NOT EXISTS (SELECT 1 FROM contacts o WHERE o.user_id = k.user_id)
        OR ${trusted} AND NOT EXISTS (SELECT 1 FROM memberships e WHERE e.user_id = k.user_id AND e.app_id <> k.app_id))
      AND (SELECT m.credential_type FROM memberships m WHERE m.app_id = k.app_id AND m.user_id = k.user_id) = 'otp'
    ORDER BY k.created_at, k.user_id LIMIT 1)`;
}
