-- What a credential may be used for: its scopes, separated by spaces, and whether they reach below its organization.
ALTER TABLE integrators ADD COLUMN scopes TEXT NOT NULL DEFAULT 'organizations:read';
ALTER TABLE integrators ADD COLUMN reach TEXT NOT NULL DEFAULT 'self';
-- The system of a province keeps the permissions that it had before there were scopes.
UPDATE integrators SET scopes = 'organizations:read transfers:read transfers:answer inbound:propose' WHERE province IS NOT NULL;

-- The secrets of a credential. Two may be valid at once, so that one can replace the other. Only a keyed digest is kept.
CREATE TABLE integrator_secrets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES integrators (account_id),
    secret_digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    retired_at INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX integrator_secrets_account ON integrator_secrets (account_id);
INSERT INTO integrator_secrets (account_id, secret_digest, created_at, last_used_at)
SELECT account_id, secret_digest, created_at, last_used_at FROM integrators ORDER BY account_id;
ALTER TABLE integrators DROP COLUMN secret_digest;
ALTER TABLE integrators DROP COLUMN last_used_at;
