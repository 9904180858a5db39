-- A person from outside the subtree takes an office by their own consent, so a request also waits for them. A person
-- whom the service does not know yet has no account until the appointment takes effect: the request names them.
ALTER TABLE appointment_requests ALTER COLUMN account_id DROP NOT NULL;
ALTER TABLE appointment_requests ADD COLUMN role TEXT NOT NULL DEFAULT 'administrator';
ALTER TABLE appointment_requests ADD COLUMN answered_at BIGINT;
ALTER TABLE appointment_requests ADD COLUMN person_name TEXT;
ALTER TABLE appointment_requests ADD COLUMN id_number_sealed BYTEA;
ALTER TABLE appointment_requests ADD COLUMN id_number_digest BYTEA;
DROP INDEX appointment_requests_one_open;
CREATE UNIQUE INDEX appointment_requests_one_open ON appointment_requests (organization_id, account_id)
    WHERE state = 'open' OR state = 'awaiting_consent';
CREATE UNIQUE INDEX appointment_requests_one_newcomer ON appointment_requests (organization_id, id_number_digest)
    WHERE state = 'open' OR state = 'awaiting_consent';
CREATE INDEX appointment_requests_consent ON appointment_requests (account_id, id) WHERE state = 'awaiting_consent';

-- A one-time code for a person with an office above a branch needs two administrators. This is the first one's request.
CREATE TABLE reset_code_requests (
    account_id BIGINT PRIMARY KEY REFERENCES accounts (id),
    requester_account_id BIGINT NOT NULL REFERENCES accounts (id),
    organization_id BIGINT NOT NULL REFERENCES organizations (id),
    requested_at BIGINT NOT NULL
);
