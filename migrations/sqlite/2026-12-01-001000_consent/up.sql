-- A person from outside the subtree takes an office by their own consent, so a request also waits for them. A person
-- whom the service does not know yet has no account until the appointment takes effect: the request names them. SQLite
-- can't drop a NOT NULL, so the table is built anew.
CREATE TABLE new_requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    account_id INTEGER REFERENCES accounts (id),
    proposer_account_id INTEGER NOT NULL REFERENCES accounts (id),
    proposed_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    decider_account_id INTEGER REFERENCES accounts (id),
    decider_organization_id INTEGER REFERENCES organizations (id),
    decided_at INTEGER,
    decision_reason TEXT,
    version INTEGER NOT NULL DEFAULT 1,
    role TEXT NOT NULL DEFAULT 'administrator',
    answered_at INTEGER,
    person_name TEXT,
    id_number_sealed BLOB,
    id_number_digest BLOB
) STRICT;
INSERT INTO new_requests (id, organization_id, kind, account_id, proposer_account_id, proposed_at, state,
        decider_account_id, decider_organization_id, decided_at, decision_reason, version)
    SELECT id, organization_id, kind, account_id, proposer_account_id, proposed_at, state,
        decider_account_id, decider_organization_id, decided_at, decision_reason, version FROM appointment_requests;
DROP TABLE appointment_requests;
ALTER TABLE new_requests RENAME TO appointment_requests;
CREATE UNIQUE INDEX appointment_requests_one_open ON appointment_requests (organization_id, account_id)
    WHERE state = 'open' OR state = 'awaiting_consent';
CREATE UNIQUE INDEX appointment_requests_one_newcomer ON appointment_requests (organization_id, id_number_digest)
    WHERE state = 'open' OR state = 'awaiting_consent';
CREATE INDEX appointment_requests_consent ON appointment_requests (account_id, id) WHERE state = 'awaiting_consent';

-- A one-time code for a person with an office above a branch needs two administrators. This is the first one's request.
CREATE TABLE reset_code_requests (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id),
    requester_account_id INTEGER NOT NULL REFERENCES accounts (id),
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    requested_at INTEGER NOT NULL
) STRICT;
