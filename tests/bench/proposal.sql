-- The bare work of a proposal: one read, two inserts, one guarded update.
\set m random(1, :members)
BEGIN;
SELECT id, version, name FROM bare_members WHERE id = :m;
INSERT INTO bare_cases (member_id, state, proposed_at) VALUES (:m, 'awaiting_approval', 0);
INSERT INTO bare_events (member_id, number, facts) VALUES (:m, 1, '{"event":"proposed"}');
UPDATE bare_members SET version = version + 1 WHERE id = :m AND version >= 0;
COMMIT;
