-- When an account was blocked, why, for which organization, and when the block ended. An account is blocked while its last
-- block has no end.
CREATE TABLE account_blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    blocked_at INTEGER NOT NULL,
    blocked_by INTEGER REFERENCES accounts (id),
    -- Null for the operators of the service.
    organization_id INTEGER REFERENCES organizations (id),
    reason TEXT NOT NULL,
    unblocked_at INTEGER,
    unblocked_by INTEGER REFERENCES accounts (id),
    CHECK (unblocked_at IS NOT NULL OR unblocked_by IS NULL)
) STRICT;
CREATE INDEX account_blocks_account ON account_blocks (account_id, id);
CREATE UNIQUE INDEX account_blocks_open ON account_blocks (account_id) WHERE unblocked_at IS NULL;

-- Sessions are deleted some time after they have become unusable (S-29).
CREATE INDEX sessions_age ON sessions (last_used_at, id);
