/** `latchkey keys retire` finds the sessions of a key by this index. */
export const sessionKeyIndex = `
CREATE INDEX sessions_by_key ON sessions (key_id);
`;
