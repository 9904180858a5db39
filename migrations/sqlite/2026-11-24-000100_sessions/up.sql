-- Sign-ins: what a person's tokens live by. Ended rows stay as the record of when and why.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    -- The office that the session acts from. Null for a member acting for themselves.
    appointment_id INTEGER REFERENCES appointments (id),
    -- Keyed digest of the address the session began from. Addresses a person has signed in from are known as theirs.
    address_digest BLOB NOT NULL,
    -- Digest of what all refresh tokens of the session have in common, by which a used one is known as one of them.
    family_digest BLOB NOT NULL UNIQUE,
    -- Digest of the one refresh token that counts.
    refresh_digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    ended_at INTEGER,
    ending TEXT,
    CHECK ((ended_at IS NULL) = (ending IS NULL))
) STRICT;
CREATE INDEX sessions_account ON sessions (account_id, id);

-- Failed attempts to sign in, by what they have in common (keyed digest); forgotten after a while.
CREATE TABLE attempts (
    subject BLOB PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_last ON attempts (last_at);

-- WeChat identities: one for an account, one account for each. Of the openid only a keyed digest is kept.
CREATE TABLE wechat_bindings (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id),
    openid_digest BLOB NOT NULL UNIQUE,
    bound_at INTEGER NOT NULL
) STRICT;

-- For which organization a code was issued, which its owner is told (O5).
ALTER TABLE reset_codes ADD COLUMN organization_id INTEGER;
