-- The role of an office: administrator, or auditor (审计员). An auditor reads the audit log and does nothing else.
ALTER TABLE appointments ADD COLUMN role TEXT NOT NULL DEFAULT 'administrator';
