/**
 * Budgets that count in sub-windows, and a budget key of each challenge.
 * budgets.counts: JSON array, how many units stand at each time of `spent`; null: one. step_ms: the length of the sub-windows.
 * challenges.budget_key: the key of the identifier's budgets. The spellings of one mailbox or number share it.
 */
export const brakes = `
ALTER TABLE budgets ADD COLUMN counts TEXT;
ALTER TABLE budgets ADD COLUMN step_ms INTEGER NOT NULL DEFAULT 1;
ALTER TABLE challenges ADD COLUMN budget_key BLOB;
UPDATE challenges SET budget_key = identifier_key;
`;
