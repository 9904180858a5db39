ALTER TABLE inbox_entries RENAME TO tasks;
DROP INDEX inbox_entries_organization;
CREATE INDEX tasks_inbox ON tasks (organization_id, kind, since, id);
DROP INDEX inbox_entries_subject;
CREATE INDEX tasks_subject ON tasks (subject_id, kind);
