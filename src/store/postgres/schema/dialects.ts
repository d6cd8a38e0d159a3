/** clients.dialects: JSON text of a list of `Dialect`. */
export const dialectColumns = `
ALTER TABLE clients ADD COLUMN dialects TEXT NOT NULL DEFAULT '[]';
`;
