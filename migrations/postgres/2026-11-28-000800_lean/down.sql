DROP INDEX transfers_orphaned;
CREATE INDEX transfers_waiting ON transfers (organization_id) WHERE closed_at IS NULL;
ALTER TABLE transfers DROP COLUMN orphaned_at;

ALTER TABLE idempotency_keys RESET (toast_tuple_target);

CREATE OR REPLACE FUNCTION audit_log_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.sequence IS NULL AND NEW.sequence IS NOT NULL
            AND (NEW.id, NEW.at, NEW.capacity, NEW.account_id, NEW.organization_id, NEW.scope_path, NEW.on_behalf_of,
                 NEW.action, NEW.subject, NEW.request_id, NEW.outcome, NEW.code, NEW.times)
                IS NOT DISTINCT FROM
                (OLD.id, OLD.at, OLD.capacity, OLD.account_id, OLD.organization_id, OLD.scope_path, OLD.on_behalf_of,
                 OLD.action, OLD.subject, OLD.request_id, OLD.outcome, OLD.code, OLD.times)
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
DROP INDEX audit_log_sequence;
CREATE UNIQUE INDEX audit_log_sequence ON audit_log (sequence);
DROP INDEX audit_log_subject_key;
DROP INDEX audit_log_subject;
CREATE INDEX audit_log_subject ON audit_log (subject, id);
ALTER TABLE audit_log DROP COLUMN subject_key;
