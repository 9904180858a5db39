-- The folder of the other engine has the same tables. A test compares the two live schemas.
-- Times are microseconds since 1970-01-01 UTC. Months are numbers yyyymm. True is 1 where the engine has no booleans.

-- Organizations (团组织). Each stores its path in the tree: the ids from the root, each followed by '/'.
CREATE TABLE organizations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    parent_id INTEGER REFERENCES organizations (id),
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    level TEXT NOT NULL,
    system TEXT NOT NULL,
    sector TEXT NOT NULL,
    stage TEXT,
    township INTEGER NOT NULL,
    school_code TEXT UNIQUE,
    purpose TEXT NOT NULL,
    division_code TEXT,
    -- Stored here so that a rule needs one row and no walk up the tree. province_id and school_id: the nearest at or
    -- above. leading_organ_id: the nearest strictly above, because an organ does not decide about itself.
    province_id INTEGER,
    leading_organ_id INTEGER,
    school_id INTEGER,
    name TEXT NOT NULL,
    short_name TEXT NOT NULL,
    contact_name TEXT,
    contact_phone TEXT,
    status TEXT NOT NULL,
    -- Graduation time of a branch: a month as the number yyyymm, or the reason why none can be fixed (G1).
    graduation_month INTEGER,
    graduation_undetermined TEXT,
    -- The season in which the branch turned into a graduate branch (G6); null before that.
    graduated_season INTEGER,
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    closed_at INTEGER,
    CHECK (graduation_month IS NULL OR graduation_undetermined IS NULL)
) STRICT;
CREATE INDEX organizations_path ON organizations (path);
CREATE INDEX organizations_parent ON organizations (parent_id, id);
CREATE INDEX organizations_division ON organizations (division_code);
CREATE UNIQUE INDEX organizations_sibling_name ON organizations (parent_id, name) WHERE closed_at IS NULL;
CREATE INDEX organizations_turning ON organizations (graduation_month, id) WHERE graduated_season IS NULL AND graduation_month IS NOT NULL;

-- Names that an organization has or had in addition to its present one (O3, O4).
CREATE TABLE organization_names (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;
CREATE INDEX organization_names_organization ON organization_names (organization_id);

-- The search index (O4): the texts by which an organization is found, for each list in which it can be searched. A search
-- reads the range of texts of one list that begin with what was typed.
CREATE TABLE organization_terms (
    scope_id INTEGER NOT NULL REFERENCES organizations (id),
    term TEXT NOT NULL,
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    PRIMARY KEY (scope_id, term, organization_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX organization_terms_organization ON organization_terms (organization_id);

-- Members (团员). ID number and telephone are sealed. Keyed digests compare them.
CREATE TABLE members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    branch_id INTEGER REFERENCES organizations (id),
    branch_path TEXT NOT NULL,
    name TEXT NOT NULL,
    id_number_sealed BLOB NOT NULL,
    id_number_digest BLOB NOT NULL,
    phone_sealed BLOB,
    phone_digest BLOB,
    ethnic_group TEXT,
    political_status TEXT,
    education TEXT,
    joined_month INTEGER NOT NULL,
    development_number TEXT,
    standing TEXT NOT NULL,
    real_name_check TEXT NOT NULL,
    certification TEXT NOT NULL,
    -- The mark of a member of a graduating branch: delayed or teacher. Null for an ordinary graduate (M1).
    mark TEXT,
    mark_month INTEGER,
    mark_reason TEXT,
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX members_id_number ON members (id_number_digest);
CREATE UNIQUE INDEX members_development_number ON members (development_number);
CREATE INDEX members_branch ON members (branch_id, id);
CREATE INDEX members_path ON members (branch_path, id);
CREATE INDEX members_marked ON members (mark, branch_path, id) WHERE mark IS NOT NULL;

-- Accounts of persons, members or not, and of other systems. Every actor has one, so that every event can name it.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    member_id INTEGER UNIQUE REFERENCES members (id),
    name TEXT NOT NULL,
    -- Null for another system, which is not a person.
    id_number_sealed BLOB,
    id_number_digest BLOB UNIQUE,
    password_hash TEXT,
    must_change_password INTEGER NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CHECK (kind <> 'person' OR id_number_digest IS NOT NULL)
) STRICT;

-- Credentials of other systems (X1, X2). Each has an account and an organization. Only a keyed digest of the secret is kept.
CREATE TABLE integrators (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id),
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    -- The province whose system it is. Null for the system of any other organization.
    province INTEGER,
    secret_digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
) STRICT;

-- Offices: the dated appointments of persons as administrators of an organization.
CREATE TABLE appointments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    appointed_by INTEGER REFERENCES accounts (id)
) STRICT;
CREATE UNIQUE INDEX appointments_organization ON appointments (organization_id, account_id) WHERE ended_at IS NULL;
CREATE INDEX appointments_account ON appointments (account_id);

-- Requests of an organization's own administrators to begin or end an office there.
CREATE TABLE appointment_requests (
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
CREATE UNIQUE INDEX appointment_requests_one_open ON appointment_requests (organization_id, account_id) WHERE state = 'open';

-- One-time codes to set a new password (O5). Only the newest code of an account is valid, and only its digest is kept.
CREATE TABLE reset_codes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    code_digest BLOB NOT NULL,
    issued_at INTEGER NOT NULL,
    issued_by INTEGER REFERENCES accounts (id),
    used_at INTEGER
) STRICT;
CREATE INDEX reset_codes_account ON reset_codes (account_id, id);

-- Application forms (《入团志愿书》) and the decisions on them (O7). The files are in the directory of files.
CREATE TABLE certifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    member_id INTEGER NOT NULL REFERENCES members (id),
    file TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    uploader_account_id INTEGER NOT NULL REFERENCES accounts (id),
    uploader_organization_id INTEGER NOT NULL REFERENCES organizations (id),
    uploaded_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    decider_account_id INTEGER REFERENCES accounts (id),
    decider_organization_id INTEGER REFERENCES organizations (id),
    decided_at INTEGER,
    decision_reason TEXT,
    version INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE UNIQUE INDEX certifications_one_waiting ON certifications (member_id) WHERE state = 'waiting';
CREATE INDEX certifications_member ON certifications (member_id, id);

-- Transfer cases (组织关系转接), with the columns that their lists need.
CREATE TABLE transfers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    season INTEGER NOT NULL,
    reason TEXT NOT NULL,
    details TEXT NOT NULL,
    explanation TEXT,
    started_by TEXT NOT NULL,
    proposer_account_id INTEGER REFERENCES accounts (id),
    proposer_organization_id INTEGER REFERENCES organizations (id),
    -- Null while a person from another province is not a member here (X2).
    member_id INTEGER REFERENCES members (id),
    member_name TEXT NOT NULL,
    -- The origin: a branch of the national tree, or a province with a system of its own.
    source_branch_id INTEGER REFERENCES organizations (id),
    source_path TEXT NOT NULL,
    source_name TEXT NOT NULL,
    source_province INTEGER,
    -- The destination: the chosen organization, or the leading organ that stands for a province or for the holding.
    target_kind TEXT NOT NULL,
    target_id INTEGER NOT NULL REFERENCES organizations (id),
    target_path TEXT NOT NULL,
    target_name TEXT NOT NULL,
    target_province INTEGER,
    -- The columns of the state.
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    organization_id INTEGER REFERENCES organizations (id),
    side TEXT,
    province INTEGER,
    holding INTEGER NOT NULL,
    escalated_at INTEGER,
    closing_reason TEXT,
    -- The instant after which it is ended or escalated. Null while no limit applies (A6).
    deadline INTEGER,
    proposed_at INTEGER NOT NULL,
    closed_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
-- T2: one open transfer for each member in the whole system. The database itself enforces it.
CREATE UNIQUE INDEX transfers_one_open ON transfers (member_id) WHERE closed_at IS NULL;
CREATE INDEX transfers_member ON transfers (member_id, id);
CREATE INDEX transfers_source ON transfers (source_path, id);
CREATE INDEX transfers_target ON transfers (target_path, id);
CREATE INDEX transfers_source_province ON transfers (source_province, id) WHERE source_province IS NOT NULL;
CREATE INDEX transfers_target_province ON transfers (target_province, id) WHERE target_province IS NOT NULL;
CREATE INDEX transfers_waiting ON transfers (organization_id) WHERE closed_at IS NULL;
CREATE INDEX transfers_deadline ON transfers (deadline, id) WHERE closed_at IS NULL AND deadline IS NOT NULL;

-- The person of a case from another province (X2), as that province's system describes them. It becomes the new member.
CREATE TABLE inbound_persons (
    transfer_id INTEGER PRIMARY KEY REFERENCES transfers (id),
    id_number_sealed BLOB NOT NULL,
    id_number_digest BLOB NOT NULL,
    phone_sealed BLOB,
    phone_digest BLOB,
    ethnic_group TEXT,
    political_status TEXT,
    education TEXT,
    joined_month INTEGER NOT NULL,
    development_number TEXT,
    -- Whether the case is open.
    open INTEGER NOT NULL
) STRICT;
-- T2 for a person who is not a member here yet: one open case for each person.
CREATE UNIQUE INDEX inbound_persons_one_open ON inbound_persons (id_number_digest) WHERE open;

-- The history of a case: one row for each transition, numbered without gaps, kept for ever (A7).
CREATE TABLE transfer_events (
    transfer_id INTEGER NOT NULL REFERENCES transfers (id),
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    account_id INTEGER REFERENCES accounts (id),
    organization_id INTEGER REFERENCES organizations (id),
    event TEXT NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (transfer_id, number)
) STRICT, WITHOUT ROWID;

-- Where a member was, as dated intervals. Each interval but the first names the case that began it.
CREATE TABLE memberships (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    member_id INTEGER NOT NULL REFERENCES members (id),
    branch_id INTEGER NOT NULL REFERENCES organizations (id),
    since INTEGER NOT NULL,
    until INTEGER,
    transfer_id INTEGER REFERENCES transfers (id)
) STRICT;
CREATE INDEX memberships_member ON memberships (member_id, since);
CREATE UNIQUE INDEX memberships_one_current ON memberships (member_id) WHERE until IS NULL;

-- The inbox (操作中心): one row for each organization that may act on a case or request now (A8).
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    subject_id INTEGER NOT NULL,
    member_name TEXT,
    since INTEGER NOT NULL,
    due_at INTEGER
) STRICT;
CREATE INDEX tasks_inbox ON tasks (organization_id, kind, since, id);
CREATE INDEX tasks_subject ON tasks (subject_id, kind);

-- Every value that a branch's graduation time has had (G5).
CREATE TABLE graduation_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    branch_id INTEGER NOT NULL REFERENCES organizations (id),
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    account_id INTEGER REFERENCES accounts (id),
    organization_id INTEGER REFERENCES organizations (id),
    automatic INTEGER NOT NULL,
    old_month INTEGER,
    old_undetermined TEXT,
    new_month INTEGER,
    new_undetermined TEXT,
    month_change_id INTEGER,
    reason TEXT
) STRICT;
CREATE INDEX graduation_history_branch ON graduation_history (branch_id, id);

-- Requests to change a graduate branch's month (G7, G8).
CREATE TABLE month_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    branch_id INTEGER NOT NULL REFERENCES organizations (id),
    branch_path TEXT NOT NULL,
    branch_name TEXT NOT NULL,
    organ_id INTEGER NOT NULL REFERENCES organizations (id),
    old_month INTEGER NOT NULL,
    new_month INTEGER NOT NULL,
    reason TEXT NOT NULL,
    proposer_account_id INTEGER NOT NULL REFERENCES accounts (id),
    proposer_organization_id INTEGER NOT NULL REFERENCES organizations (id),
    proposed_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    decider_account_id INTEGER REFERENCES accounts (id),
    decider_organization_id INTEGER REFERENCES organizations (id),
    decided_at INTEGER,
    decision_reason TEXT,
    version INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE UNIQUE INDEX month_changes_one_open ON month_changes (branch_id) WHERE state = 'open';
CREATE INDEX month_changes_organ ON month_changes (organ_id, state, id);

-- Every mark that a member has had (M1 to M7).
CREATE TABLE mark_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    member_id INTEGER NOT NULL REFERENCES members (id),
    at INTEGER NOT NULL,
    account_id INTEGER REFERENCES accounts (id),
    organization_id INTEGER REFERENCES organizations (id),
    old_mark TEXT,
    old_month INTEGER,
    new_mark TEXT,
    new_month INTEGER,
    reason TEXT
) STRICT;
CREATE INDEX mark_history_member ON mark_history (member_id, id);

-- The members whose hand-over counts in a season: members of its graduate branches at the switch (L1).
CREATE TABLE cohort_members (
    season INTEGER NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id),
    branch_id INTEGER NOT NULL REFERENCES organizations (id),
    branch_path TEXT NOT NULL,
    PRIMARY KEY (season, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cohort_members_path ON cohort_members (season, branch_path);
CREATE INDEX cohort_members_branch ON cohort_members (branch_id, season);

-- Policies by season. The newest version applies, and older ones are kept.
CREATE TABLE policies (
    season INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by INTEGER REFERENCES accounts (id),
    PRIMARY KEY (season, version)
) STRICT;

-- Every write and every look-up of a person. Rows are only added.
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    capacity TEXT NOT NULL,
    account_id INTEGER,
    organization_id INTEGER,
    action TEXT NOT NULL,
    subject TEXT,
    request_id TEXT NOT NULL
) STRICT;

-- Every look-up of a person by name and ID number (T4), for the audit and for the person.
CREATE TABLE look_ups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    -- Null if nobody was found.
    member_id INTEGER REFERENCES members (id)
) STRICT;
CREATE INDEX look_ups_member ON look_ups (member_id, id);

-- How much of a budget was used in a span of time. All servers share it, and it survives restarts.
CREATE TABLE budgets (
    name TEXT NOT NULL,
    span INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (name, span)
) STRICT, WITHOUT ROWID;

-- Kept answers by actor and key, written in the transaction of the effect.
CREATE TABLE idempotency_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    location TEXT,
    etag TEXT,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Leases of jobs, and the results of their runs.
CREATE TABLE job_leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE TABLE job_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    processed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    problem TEXT
) STRICT;
CREATE INDEX job_runs_name ON job_runs (name, id);
