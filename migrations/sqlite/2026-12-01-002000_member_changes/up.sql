-- What changed in a member's record, with the old value (P3). Telephone numbers are sealed.
CREATE TABLE member_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    member_id INTEGER NOT NULL REFERENCES members (id),
    at INTEGER NOT NULL,
    account_id INTEGER REFERENCES accounts (id),
    organization_id INTEGER REFERENCES organizations (id),
    field TEXT NOT NULL,
    old_value TEXT,
    old_sealed BLOB
) STRICT;
CREATE INDEX member_changes_member ON member_changes (member_id, id);
