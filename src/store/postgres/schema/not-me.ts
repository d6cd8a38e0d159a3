/** sessions.challenge_id: the challenge that bought the session. Null in sessions that are older than the column. */
export const notMeColumns = `
ALTER TABLE sessions ADD COLUMN challenge_id TEXT COLLATE "C";
CREATE INDEX sessions_by_challenge ON sessions (challenge_id) WHERE challenge_id IS NOT NULL;
`;
