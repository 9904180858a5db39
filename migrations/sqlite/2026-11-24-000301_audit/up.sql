-- The audit log gets the organization acted for, the outcome and the subtree, and is sealed into a chain of hashes.
ALTER TABLE audit_log ADD COLUMN scope_path TEXT;
ALTER TABLE audit_log ADD COLUMN on_behalf_of INTEGER;
ALTER TABLE audit_log ADD COLUMN outcome TEXT NOT NULL DEFAULT 'done';
ALTER TABLE audit_log ADD COLUMN code TEXT;
ALTER TABLE audit_log ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
-- Set when the row is sealed, in the order of sealing. A row that commits late has a small id and still gets its place.
ALTER TABLE audit_log ADD COLUMN sequence INTEGER;
ALTER TABLE audit_log ADD COLUMN hash BLOB;
CREATE INDEX audit_log_unsealed ON audit_log (id) WHERE sequence IS NULL;
CREATE UNIQUE INDEX audit_log_sequence ON audit_log (sequence);
CREATE INDEX audit_log_scope ON audit_log (scope_path, id);
CREATE INDEX audit_log_subject ON audit_log (subject, id);

-- The sequence number up to which the log was removed after its time, and its hash. The chain continues from there.
CREATE TABLE audit_cuts (
    sequence INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- A row is changed only to seal it, and removed only up to a cut.
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
CREATE TRIGGER audit_log_stays BEFORE DELETE ON audit_log
WHEN NOT EXISTS (SELECT 1 FROM audit_cuts WHERE sequence >= OLD.sequence)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only appended to');
END;
