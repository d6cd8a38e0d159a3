export const testIdentifierColumns = "";
