/** At most one row: it says that another database's data is being moved into this one (`filling`), or was (`complete`). */
export const moveTable = `
CREATE TABLE move (
  only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
  move_id   TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('filling', 'complete')),
  marked_at BIGINT NOT NULL
);
`;
