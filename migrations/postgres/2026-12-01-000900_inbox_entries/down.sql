ALTER TABLE inbox_entries RENAME TO tasks;
ALTER SEQUENCE inbox_entries_id_seq RENAME TO tasks_id_seq;
ALTER TABLE tasks RENAME CONSTRAINT inbox_entries_pkey TO tasks_pkey;
ALTER TABLE tasks RENAME CONSTRAINT inbox_entries_organization_id_fkey TO tasks_organization_id_fkey;
ALTER INDEX inbox_entries_organization RENAME TO tasks_inbox;
ALTER INDEX inbox_entries_subject RENAME TO tasks_subject;
