/**
 * apps.wording: JSON text of an `AppWording`. Empty: `noWording`.
 * challenges.words: JSON text of `MessageWords`. Null: the call gave none.
 */
export const wordColumns = `
ALTER TABLE apps ADD COLUMN wording TEXT NOT NULL DEFAULT '';
ALTER TABLE challenges ADD COLUMN words TEXT;
`;
