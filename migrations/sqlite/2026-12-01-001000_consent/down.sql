DROP TABLE reset_code_requests;
CREATE TABLE old_requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    proposer_account_id INTEGER NOT NULL REFERENCES accounts (id),
    proposed_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    decider_account_id INTEGER REFERENCES accounts (id),
    decider_organization_id INTEGER REFERENCES organizations (id),
    decided_at INTEGER,
    decision_reason TEXT,
    version INTEGER NOT NULL DEFAULT 1
) STRICT;
INSERT INTO old_requests SELECT id, organization_id, kind, account_id, proposer_account_id, proposed_at,
        CASE WHEN state IN ('awaiting_consent', 'declined') THEN 'lapsed' ELSE state END,
        decider_account_id, decider_organization_id, decided_at, decision_reason, version
    FROM appointment_requests WHERE account_id IS NOT NULL;
DROP TABLE appointment_requests;
ALTER TABLE old_requests RENAME TO appointment_requests;
CREATE UNIQUE INDEX appointment_requests_one_open ON appointment_requests (organization_id, account_id) WHERE state = 'open';
