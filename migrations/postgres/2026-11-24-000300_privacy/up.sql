-- What an office is for: administrator, or auditor (审计员), who reads the audit log and does nothing else.
ALTER TABLE appointments ADD COLUMN role TEXT NOT NULL DEFAULT 'administrator';
