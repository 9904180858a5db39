-- Somebody from outside the subtree takes an office by their own consent, so a request also waits for them.
ALTER TABLE appointment_requests ADD COLUMN role TEXT NOT NULL DEFAULT 'administrator';
ALTER TABLE appointment_requests ADD COLUMN answered_at INTEGER;
DROP INDEX appointment_requests_one_open;
CREATE UNIQUE INDEX appointment_requests_one_open ON appointment_requests (organization_id, account_id)
    WHERE state IN ('open', 'awaiting_consent');
CREATE INDEX appointment_requests_consent ON appointment_requests (account_id, id) WHERE state = 'awaiting_consent';

-- A one-time code for somebody with an office above a branch needs two administrators. This is the first one's request.
CREATE TABLE reset_code_requests (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id),
    requester_account_id INTEGER NOT NULL REFERENCES accounts (id),
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    requested_at INTEGER NOT NULL
) STRICT;
