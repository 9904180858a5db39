DROP INDEX transfers_orphaned;
CREATE INDEX transfers_waiting ON transfers (organization_id) WHERE closed_at IS NULL;
ALTER TABLE transfers DROP COLUMN orphaned_at;

CREATE TABLE kept_answers (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    location TEXT,
    etag TEXT,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
INSERT INTO kept_answers SELECT actor, key, fingerprint, status, location, etag, body, created_at FROM idempotency_keys;
DROP TABLE idempotency_keys;
ALTER TABLE kept_answers RENAME TO idempotency_keys;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

DROP TRIGGER audit_log_stands;
DROP INDEX audit_log_sequence;
CREATE UNIQUE INDEX audit_log_sequence ON audit_log (sequence);
DROP INDEX audit_log_subject_key;
DROP INDEX audit_log_subject;
CREATE INDEX audit_log_subject ON audit_log (subject, id);
ALTER TABLE audit_log DROP COLUMN subject_key;
CREATE TRIGGER audit_log_stands BEFORE UPDATE ON audit_log
WHEN OLD.sequence IS NOT NULL OR NEW.sequence IS NULL
    OR (NEW.id, NEW.at, NEW.capacity, NEW.account_id, NEW.organization_id, NEW.scope_path, NEW.on_behalf_of,
        NEW.action, NEW.subject, NEW.request_id, NEW.outcome, NEW.code, NEW.times)
        IS NOT
        (OLD.id, OLD.at, OLD.capacity, OLD.account_id, OLD.organization_id, OLD.scope_path, OLD.on_behalf_of,
         OLD.action, OLD.subject, OLD.request_id, OLD.outcome, OLD.code, OLD.times)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only appended to');
END;
