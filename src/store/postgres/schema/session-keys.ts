/**
 * `latchkey keys retire` finds the sessions of a key by this index. Operators of large databases may have created it already,
 * without blocking sign-ins: see "Upgrades" in docs/operations.md.
 */
export const sessionKeyIndex = `
CREATE INDEX IF NOT EXISTS sessions_by_key ON sessions (key_id);
`;
