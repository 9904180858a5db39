-- The rows of the inboxes get their name from the glossary. SQLite can't rename an index.
ALTER TABLE tasks RENAME TO inbox_entries;
DROP INDEX tasks_inbox;
CREATE INDEX inbox_entries_organization ON inbox_entries (organization_id, kind, since, id);
DROP INDEX tasks_subject;
CREATE INDEX inbox_entries_subject ON inbox_entries (subject_id, kind);
