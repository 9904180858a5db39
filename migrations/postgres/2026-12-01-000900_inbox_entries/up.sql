-- The rows of the inboxes get their name from the glossary.
ALTER TABLE tasks RENAME TO inbox_entries;
ALTER SEQUENCE tasks_id_seq RENAME TO inbox_entries_id_seq;
ALTER TABLE inbox_entries RENAME CONSTRAINT tasks_pkey TO inbox_entries_pkey;
ALTER TABLE inbox_entries RENAME CONSTRAINT tasks_organization_id_fkey TO inbox_entries_organization_id_fkey;
ALTER INDEX tasks_inbox RENAME TO inbox_entries_organization;
ALTER INDEX tasks_subject RENAME TO inbox_entries_subject;
