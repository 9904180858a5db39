-- Sessions: a person's tokens are valid only with one. Ended rows are kept to show when and why they ended.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    -- The office that the session acts from. Null for a person who acts as a member.
    appointment_id INTEGER REFERENCES appointments (id),
    -- Keyed digest of the address it began at. An address from which a person has signed in counts as known.
    address_digest BLOB NOT NULL,
    -- Digest of the part that all refresh tokens of the session share. It shows that a used token belongs to the session.
    family_digest BLOB NOT NULL UNIQUE,
    -- Digest of the one refresh token that is valid.
    refresh_digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    ended_at INTEGER,
    ending TEXT,
    CHECK ((ended_at IS NULL) = (ending IS NULL))
) STRICT;
CREATE INDEX sessions_account ON sessions (account_id, id);

-- Failed attempts to sign in, by account, address or both (keyed digest). They are deleted after a while.
CREATE TABLE attempts (
    subject BLOB PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_last ON attempts (last_at);

-- WeChat identities. An account has one, and an identity has one account. Only a keyed digest of the openid is kept.
CREATE TABLE wechat_bindings (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id),
    openid_digest BLOB NOT NULL UNIQUE,
    bound_at INTEGER NOT NULL
) STRICT;

-- The organization for which a code was issued. The owner is told (O5).
ALTER TABLE reset_codes ADD COLUMN organization_id INTEGER;
