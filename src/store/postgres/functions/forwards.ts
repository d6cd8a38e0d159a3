/** Changes of messages that wait for apps. Claims and settlements lock nothing but them. */
export const forwardFunctions = `
-- Results come sorted by change. One with a p_retry_at is put off, the others are deleted.
CREATE FUNCTION settle_forwards(p_ids BIGINT[], p_tries INTEGER[], p_retry_at BIGINT[]) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. cardinality(p_ids) LOOP
    IF p_retry_at[i] IS NULL THEN
      DELETE FROM message_forwards WHERE forward_id = p_ids[i] AND tries = p_tries[i];
    ELSE
      UPDATE message_forwards SET due_at = p_retry_at[i] WHERE forward_id = p_ids[i] AND tries = p_tries[i];
    END IF;
  END LOOP;
END $$;
`;
