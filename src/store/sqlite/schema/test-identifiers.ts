/**
 * apps.test_identifiers: JSON text of a list of `TestIdentifier`.
 * challenges.is_test: requested for one of them.
 */
export const testIdentifierColumns = `
ALTER TABLE apps ADD COLUMN test_identifiers TEXT NOT NULL DEFAULT '[]';
ALTER TABLE challenges ADD COLUMN is_test INTEGER NOT NULL DEFAULT 0;
`;
