-- The bare work of an expiry: end the cases, add an event for each, delete their inbox entries, add an audit row for each.
BEGIN;
CREATE TEMP TABLE due AS SELECT id, version FROM transfers
    WHERE closed_at IS NULL AND deadline < :now AND state <> 'awaiting_assignment';
ANALYZE due;
UPDATE transfers SET state = 'expired', since = :now, organization_id = NULL, side = NULL, province = NULL,
    escalated_at = NULL, deadline = NULL, closed_at = :now, version = version + 1 WHERE id IN (SELECT id FROM due);
INSERT INTO transfer_events (transfer_id, number, at, event, facts)
    SELECT id, version + 1, :now, 'expired', '{"event":"expired"}' FROM due ORDER BY id;
DELETE FROM inbox_entries WHERE subject_id IN (SELECT id FROM due) AND kind IN
    ('approval_in', 'approval_out', 'leading_organ', 'province', 'external_answer', 'assignment');
INSERT INTO audit_log (at, capacity, action, subject, subject_key, request_id)
    SELECT :now, 'service', 'transfer.expired', 'trf_' || (1000000000000 + id * 2654435761 % 4294967296), id, 'expiry/1' FROM due ORDER BY id;
COMMIT;
