-- Each write changes pages of tables and indexes. This migration removes some of them.

-- The inboxes already list the cases that wait at an organization. A case that nobody may act on (I-31) is in no inbox. It
-- is marked in its own row, and an index finds those few instead of all open cases.
ALTER TABLE transfers ADD COLUMN orphaned_at BIGINT;
UPDATE transfers SET orphaned_at = since WHERE closed_at IS NULL AND NOT EXISTS
    (SELECT 1 FROM tasks k WHERE k.subject_id = transfers.id AND k.kind IN
        ('approval_in', 'approval_out', 'leading_organ', 'province', 'external_answer', 'assignment'));
DROP INDEX transfers_waiting;
CREATE INDEX transfers_orphaned ON transfers (organization_id) WHERE orphaned_at IS NOT NULL;

-- The subject of an audit row is found by the key of its id. Keys of new rows follow each other, but the texts of ids are
-- scattered on purpose, so each changed a different page of the index. Older rows have no key and are found by the text, and
-- so are subjects that are not ids.
ALTER TABLE audit_log ADD COLUMN subject_key BIGINT;
DROP INDEX audit_log_subject;
CREATE INDEX audit_log_subject ON audit_log (subject, id) WHERE subject_key IS NULL AND subject IS NOT NULL;
CREATE INDEX audit_log_subject_key ON audit_log (subject_key, id) WHERE subject_key IS NOT NULL;
-- A row has a place in the chain only after it is sealed, and is in this index only then.
DROP INDEX audit_log_sequence;
CREATE UNIQUE INDEX audit_log_sequence ON audit_log (sequence) WHERE sequence IS NOT NULL;
CREATE OR REPLACE FUNCTION audit_log_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.sequence IS NULL AND NEW.sequence IS NOT NULL
            AND (NEW.id, NEW.at, NEW.capacity, NEW.account_id, NEW.organization_id, NEW.scope_path, NEW.on_behalf_of,
                 NEW.action, NEW.subject, NEW.subject_key, NEW.request_id, NEW.outcome, NEW.code, NEW.times)
                IS NOT DISTINCT FROM
                (OLD.id, OLD.at, OLD.capacity, OLD.account_id, OLD.organization_id, OLD.scope_path, OLD.on_behalf_of,
                 OLD.action, OLD.subject, OLD.subject_key, OLD.request_id, OLD.outcome, OLD.code, OLD.times)
        THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT FROM audit_cuts WHERE sequence >= OLD.sequence) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is only appended to';
END $$;

-- Kept answers are kept for a short time only, and compressing each took longer than writing it.
ALTER TABLE idempotency_keys SET (toast_tuple_target = 8160);
