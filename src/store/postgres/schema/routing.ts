/**
 * Routing of apps and what was learned about routes. See `port/routes.ts`.
 * apps.routing: JSON text of a list of `Route`. apps.workflows: JSON text of a list of `Workflow`, whose steps wait in outbox_later.
 * messages_by_sent: the messages that carriers took, as they are judged. messages_by_challenge: the later messages of a challenge.
 * E-mail has no country and is in neither.
 * route_health: routes with unverified messages of late. unverified: JSON text of a list of requester networks and times.
 * failing_since: null while the route is used. Then verified and misses count its messages since that time.
 * route_judging: at most one row, the message up to which all were judged.
 */
export const routingTables = `
ALTER TABLE apps ADD COLUMN routing TEXT NOT NULL DEFAULT '[]';
ALTER TABLE apps ADD COLUMN workflows TEXT NOT NULL DEFAULT '[]';
ALTER TABLE outbox_later ADD COLUMN muted BOOLEAN NOT NULL DEFAULT false;

CREATE INDEX messages_by_sent ON messages (sent_at, message_id) WHERE sent_at IS NOT NULL AND country IS NOT NULL;
CREATE INDEX messages_by_challenge ON messages (challenge_id, sent_at) WHERE sent_at IS NOT NULL AND country IS NOT NULL;

CREATE TABLE route_health (
  provider      TEXT COLLATE "C" NOT NULL,
  channel       TEXT COLLATE "C" NOT NULL,
  country       TEXT COLLATE "C" NOT NULL,
  unverified    TEXT NOT NULL,
  failing_since BIGINT,
  verified      INTEGER NOT NULL,
  misses        INTEGER NOT NULL,
  probe_at      BIGINT NOT NULL,
  changed_at    BIGINT NOT NULL,
  PRIMARY KEY (provider, channel, country)
);

CREATE TABLE route_judging (
  only_row   INTEGER PRIMARY KEY CHECK (only_row = 1),
  sent_at    BIGINT NOT NULL,
  message_id BIGINT NOT NULL
);
`;
