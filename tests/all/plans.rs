//! The plans of the lists' queries: both engines explain the statements that the repository really sends, over tables
//! that are full enough. No list reads a whole table, and none sorts rows that it could read in order.

use crate::support::both_engines;
use crate::support::database::texts;
use crate::support::world::World;
use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection};
use std::sync::{Arc, Mutex};
use zhuanjie::db::Conn;
use zhuanjie::db::columns::Micros;
use zhuanjie::db::sql::maintenance;
use zhuanjie::domain::core::ids::{
    AccountId, AppointmentId, CertificationId, InboxEntryId, MemberId, OrganizationId, TransferId,
};
use zhuanjie::domain::core::time::{Month, Timestamp};
use zhuanjie::domain::member::mark::Identity;
use zhuanjie::domain::organization::facts::{OrganizationKind, Path, PlaceInTree};
use zhuanjie::domain::transfer::state::Phase;
use zhuanjie::repository::members::PathRange;
use zhuanjie::repository::{
    accounts, appointments, audit, certifications, chain, cohort, graduation, idempotency, inbound, inbox, integrators,
    invariants, jobs, marks, member_changes, members, organizations, search, transfers,
};

/// How many rows of each kind are made.
const BRANCHES: i64 = 4000;
const MEMBERS: i64 = 20_000;

/// A country with so many rows that no engine prefers to read a whole table.
fn fill(world: &World) {
    let (village, class) = (world.org_key("township"), world.org_key("college"));
    let counted = |most: i64| match world.db.engine() {
        crate::support::Engine::Sqlite => {
            format!(
                "(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {most}) SELECT n FROM c) AS c"
            )
        }
        crate::support::Engine::Postgres => format!("generate_series(1, {most}) AS c (n)"),
    };
    let (branches, members) = (counted(BRANCHES), counted(MEMBERS));
    let copied = "kind, level, system, sector, stage, township, purpose, division_code, province_id, leading_organ_id, school_id, status, version, created_at";
    world.db.execute(&format!(
        "INSERT INTO organizations (id, parent_id, path, name, name_key, short_name, graduation_month, {copied})
         SELECT 1000 + c.n, o.parent_id, p.path || (1000 + c.n) || '/', 'branch ' || c.n, 'branch ' || c.n, 'branch ' || c.n,
            CASE WHEN c.n % 2 = 0 AND o.sector = 'school' THEN 202607 END, {}
         FROM {branches} JOIN organizations o ON o.name = CASE WHEN c.n % 2 = 0 THEN 'class_1' ELSE 'village' END
         JOIN organizations p ON p.id = o.parent_id;
         INSERT INTO organization_terms (scope_id, term, organization_id, kind)
         SELECT 1, 'term ' || id, id, 'name' FROM organizations;
         INSERT INTO members (id, branch_id, branch_path, name, id_number_sealed, id_number_digest, joined_month, standing,
            real_name_check, certification, mark, mark_month, mark_reason, version, created_at)
         SELECT 1000 + c.n, o.id, o.path, 'member ' || c.n, m.id_number_sealed, {digest}, m.joined_month, m.standing,
            m.real_name_check, m.certification, CASE WHEN c.n % 50 = 0 THEN 'delayed' END,
            CASE WHEN c.n % 50 = 0 THEN 202707 END, CASE WHEN c.n % 50 = 0 THEN 'x' END, 1, m.created_at
         FROM {members} JOIN organizations o ON o.id = 1001 + c.n % {BRANCHES} JOIN members m ON m.id = 1;
         INSERT INTO memberships (member_id, branch_id, since) SELECT id, branch_id, created_at FROM members WHERE id > 1000;
         INSERT INTO accounts (id, kind, member_id, name, id_number_digest, must_change_password, status, created_at)
         SELECT 1000 + id, 'person', id, name, id_number_digest, FALSE, 'active', created_at FROM members WHERE id > 1000;
         INSERT INTO appointments (account_id, organization_id, started_at)
         SELECT min(a.id), m.branch_id, 1 FROM accounts a JOIN members m ON m.id = a.member_id WHERE m.id > 1000 GROUP BY m.branch_id;
         INSERT INTO transfers (id, season, reason, details, started_by, proposer_account_id, member_id, member_name, source_branch_id,
            source_path, source_name, source_province, target_kind, target_id, target_path, target_name, target_province, state, since,
            organization_id, side, holding, deadline, proposed_at, closed_at, version)
         SELECT m.id, 2026, 'unsettled', '{{}}', 'member', m.id + 1000, m.id, m.name, m.branch_id, m.branch_path, 'x',
            CASE WHEN m.id % 10 = 0 THEN 11 END, 'organization', t.id, t.path, t.name, CASE WHEN m.id % 10 = 1 THEN 11 END,
            CASE m.id % 3 WHEN 0 THEN 'awaiting_approval' WHEN 1 THEN 'awaiting_assignment' ELSE 'withdrawn' END, m.id, t.id,
            CASE WHEN m.id % 3 = 0 THEN 'target' END, FALSE, CASE WHEN m.id % 3 < 2 THEN m.id END, m.id,
            CASE WHEN m.id % 3 = 2 THEN m.id END, 1
         FROM members m JOIN organizations t ON t.id = CASE WHEN m.id % 2 = 0 THEN {village} ELSE {class} END WHERE m.id > 1000;
         INSERT INTO transfer_events (transfer_id, number, at, event, facts) SELECT id, 1, proposed_at, 'proposed', '{{}}' FROM transfers;
         INSERT INTO inbox_entries (organization_id, kind, subject_id, since) SELECT organization_id,
            CASE state WHEN 'awaiting_approval' THEN 'approval_in' ELSE 'assignment' END, id, since
         FROM transfers WHERE closed_at IS NULL;
         INSERT INTO cohort_members (season, member_id, branch_id, branch_path)
         SELECT 2025 + id % 2, id, branch_id, branch_path FROM members WHERE id > 1000;
         INSERT INTO mark_history (member_id, at, new_mark) SELECT id, 1, 'teacher' FROM members;
         INSERT INTO member_changes (member_id, at, field) SELECT id, 1, 'education' FROM members;
         INSERT INTO graduation_history (branch_id, at, event, automatic) SELECT o.id, c.n, 'marked', FALSE
         FROM organizations o CROSS JOIN {few} WHERE o.id > 1000;
         INSERT INTO month_changes (branch_id, branch_path, branch_name, organ_id, old_month, new_month, reason, proposer_account_id,
            proposer_organization_id, proposed_at, state)
         SELECT o.id, o.path, o.name, o.leading_organ_id, 202607, 202608, 'x', 1, o.id, c.n, 'refused'
         FROM organizations o CROSS JOIN {few} WHERE o.id > 1000;
         INSERT INTO certifications (member_id, file, bytes, sha256, uploader_account_id, uploader_organization_id, uploaded_at, state)
         SELECT id, 'x', 1, id_number_digest, 1, branch_id, 1, 'waiting' FROM members WHERE id > 1000;
         INSERT INTO idempotency_keys (actor, key, fingerprint, status, body, created_at)
         SELECT id, 'k', id_number_digest, 201, 'x', 1 FROM members;
         INSERT INTO audit_log (at, capacity, action, request_id) SELECT id, 'service', 'x', 'x' FROM members;
         INSERT INTO integrators (account_id, organization_id, created_at)
         SELECT id, 1, 1 FROM accounts WHERE id > 2000 AND id % 100 = 0;
         INSERT INTO job_runs (name, at, started_at, processed, failed) SELECT 'expiry', id, id, 0, 0 FROM members;
         INSERT INTO inbound_persons (transfer_id, id_number_sealed, id_number_digest, joined_month, open)
         SELECT id, id_number_sealed, id_number_digest, joined_month, FALSE FROM members WHERE id > 1000",
        "o.".to_owned() + &copied.replace(", ", ", o."),
        digest = match world.db.engine() {
            crate::support::Engine::Sqlite => "CAST('digest ' || c.n AS BLOB)",
            crate::support::Engine::Postgres => "convert_to('digest ' || c.n, 'UTF8')",
        },
        few = counted(4),
    ));
    maintenance::analyze(&mut world.db.conn()).expect("the engine counts its rows");
}

/// The statements that a body sends to the database.
fn statements(conn: &mut Conn, body: impl FnOnce(&mut Conn)) -> Vec<String> {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let note = sent.clone();
    let instrument = move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            note.lock().expect("not poisoned").push(query.to_string());
        }
    };
    match conn {
        Conn::Sqlite(conn) => conn.set_instrumentation(instrument),
        Conn::Postgres(conn) => conn.set_instrumentation(instrument),
    }
    body(conn);
    match conn {
        Conn::Sqlite(conn) => conn.set_instrumentation(|_: InstrumentationEvent<'_>| {}),
        Conn::Postgres(conn) => conn.set_instrumentation(|_: InstrumentationEvent<'_>| {}),
    }
    let sent = std::mem::take(&mut *sent.lock().expect("not poisoned"));
    let statement = |text: String| text.split(" -- binds:").next().unwrap_or_default().to_owned();
    sent.into_iter()
        .map(statement)
        .filter(|text| text.starts_with("SELECT"))
        .collect()
}

/// The lines of a statement's plan for any values.
fn plan(conn: &mut Conn, statement: &str) -> Vec<String> {
    match conn {
        Conn::Sqlite(_) => {
            let numbered = format!("EXPLAIN QUERY PLAN {statement}");
            #[derive(diesel::QueryableByName)]
            struct Step {
                #[diesel(sql_type = diesel::sql_types::Text)]
                detail: String,
            }
            let steps: Vec<Step> = diesel::RunQueryDsl::load(diesel::sql_query(&numbered), conn)
                .unwrap_or_else(|e| panic!("{statement}: {e}"));
            steps.into_iter().map(|step| step.detail).collect()
        }
        Conn::Postgres(_) => {
            let most = (1..100)
                .rev()
                .find(|n| statement.contains(&format!("${n}")))
                .unwrap_or(0);
            let nulls = vec!["NULL"; most].join(", ");
            let call = if most == 0 { String::new() } else { format!("({nulls})") };
            conn.batch_execute(&format!(
                "SET plan_cache_mode = force_generic_plan; PREPARE listed AS {statement}"
            ))
            .unwrap_or_else(|e| panic!("{statement}: {e}"));
            let steps = explained(conn, &format!("EXPLAIN EXECUTE listed{call}"));
            // Drops this statement only. The connection keeps its own.
            conn.batch_execute("DEALLOCATE listed")
                .expect("the statement was prepared");
            steps
        }
    }
}

/// PostgreSQL chooses the name of the one column.
fn explained(conn: &mut Conn, question: &str) -> Vec<String> {
    #[derive(diesel::QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        detail: String,
    }
    let steps: Vec<Step> =
        diesel::RunQueryDsl::load(diesel::sql_query(question), conn).unwrap_or_else(|e| panic!("{question}: {e}"));
    steps.into_iter().map(|step| step.detail).collect()
}

/// Whether a step of a plan reads a whole table.
fn reads_all(step: &str) -> bool {
    let step = step.trim_start_matches([' ', '-', '>']);
    // Rows that are given, such as a list of values, are not a table.
    // An index that holds nothing but what is asked for is not a table either.
    let is_scan = step.starts_with("SCAN ") && !step.ends_with("USING INDEX audit_log_unsealed");
    (is_scan && !step.starts_with("SCAN CONSTANT ROW") && !step.starts_with("SCAN (")) || step.starts_with("Seq Scan")
}

fn sorts(step: &str) -> bool {
    let step = step.trim_start_matches([' ', '-', '>']);
    ["USE TEMP B-TREE FOR ORDER BY", "Sort ", "Incremental Sort"]
        .iter()
        .any(|sort| step.starts_with(sort))
}

/// Queries that sort a few rows after finding each by its key: the administrators of a few organizations, or the
/// holders of a turn.
const OF_A_FEW: [&str; 4] = [
    "where a thing waits",
    "the path upwards with its administrators",
    "offices of an organization",
    "offices of a person",
];

/// Queries that list a whole table in the order of its key, a page at a time.
const OF_ALL: [&str; 1] = ["other systems"];

/// The steps of a statement's plan that must not be there. PostgreSQL plans without values here and takes every range
/// to be small enough to sort. So it is asked twice: what it would read, and whether it can do without sorting.
fn faults(conn: &mut Conn, name: &str, statement: &str) -> Vec<String> {
    let as_it_is = plan(conn, statement);
    let is_unwanted = |step: &&String| reads_all(step) && !OF_ALL.contains(&name);
    let mut faults: Vec<String> = as_it_is.iter().filter(is_unwanted).cloned().collect();
    if OF_A_FEW.contains(&name) {
        return faults;
    }
    let if_need_be = match conn {
        Conn::Sqlite(_) => as_it_is,
        Conn::Postgres(_) => {
            let allow = |conn: &mut Conn, allowed| {
                let settings = format!("SET enable_sort = {allowed}; SET enable_bitmapscan = {allowed}");
                conn.batch_execute(&settings).expect("these settings exist");
            };
            allow(conn, "off");
            let steps = plan(conn, statement);
            allow(conn, "on");
            steps
        }
    };
    faults.extend(if_need_be.into_iter().filter(|step| sorts(step)));
    faults
}

type Asked = (&'static str, Box<dyn FnOnce(&mut Conn)>);

macro_rules! asked {
    ($($name:literal => |$conn:ident| $question:expr;)*) => {
        vec![$(($name, Box::new(move |$conn: &mut Conn| { let _answer = $question.expect($name); }) as Box<dyn FnOnce(&mut Conn)>)),*]
    };
}

/// Every list, and every query that runs at each request.
fn lists(world: &World, conn: &mut Conn) -> Vec<Asked> {
    let college = OrganizationId(world.org_key("college"));
    let path: Path = texts(conn, "SELECT path AS value FROM organizations WHERE name = 'college'")[0]
        .parse()
        .expect("a path");
    let case = transfers::find(conn, TransferId(1500))
        .expect("a query")
        .expect("a case");
    let member = members::find(conn, MemberId(1500)).expect("a query").expect("a member");
    let organization = organizations::find(conn, OrganizationId(1100)).expect("a query");
    let at = |path: Path, key: i64| Some(PlaceInTree { path, key });
    let of_case = at(case.source_path.parse().expect("a path"), case.id.0);
    let of_member = at(member.place().expect("a branch").clone(), member.id.0);
    let of_organization = at(organization.expect("an organization").path, 1100);
    let now: Timestamp = "2026-10-13T00:00:00Z".parse().expect("an instant");
    let reader = inbox::Reader {
        organization: college,
        account: Some(AccountId(1)),
        member: None,
    };
    let entry = Some(inbox::InboxPlace {
        since: Micros::from_number(1),
        id: InboxEntryId(1500),
    });
    let out = transfers::TransferSelection::Out(path.clone(), college);
    let into = transfers::TransferSelection::In(path.clone());
    let mut all: Vec<Asked> = Vec::new();
    for (place, with_state) in [(out, false), (into, true)] {
        let (first, after, state) = (
            place.clone(),
            of_case.clone(),
            with_state.then_some(Phase::AwaitingApproval),
        );
        all.append(&mut asked! {
            "transfers of a subtree" => |c| transfers::page(c, &first, state, None, 20);
            "transfers of a subtree, further" => |c| transfers::page(c, &place, state, after.as_ref(), 20);
        });
    }
    for place in [
        transfers::TransferSelection::Member(MemberId(1500)),
        transfers::TransferSelection::FromProvince(11),
        transfers::TransferSelection::ToProvince(11),
    ] {
        let (first, after) = (place.clone(), of_case.clone());
        all.append(&mut asked! {
            "transfers of a member or a province" => |c| transfers::page(c, &first, None, None, 20);
            "transfers of a member or a province, further" => |c| transfers::page(c, &place, None, after.as_ref(), 20);
        });
    }
    let (subtree, branch) = (
        members::MemberSelection::Subtree(path.clone()),
        members::MemberSelection::Branch(OrganizationId(1100)),
    );
    let (delayed, graduates) = (Identity::Delayed, Identity::Graduate);
    for identity in [None, Some(delayed), Some(graduates)] {
        let filter = identity.map(|identity| members::IdentityFilter { identity, season: 2026 });
        let (subtree, branch, after) = (subtree.clone(), branch.clone(), of_member.clone());
        let same_branch = branch.clone();
        all.append(&mut asked! {
            "members of a subtree" => |c| members::page(c, &subtree, filter, None, 20);
            "members of a branch" => |c| members::page(c, &branch, filter, None, 20);
            "members of a branch, further" => |c| members::page(c, &same_branch, filter, after.as_ref(), 20);
        });
    }
    let below = organizations::OrganizationSelection::Below(college);
    let tree = organizations::OrganizationSelection::Subtree(path.clone());
    for filter in [
        organizations::OrganizationFilter::default(),
        organizations::OrganizationFilter {
            kind: Some(OrganizationKind::Branch),
            ..Default::default()
        },
    ] {
        let (below, tree, after, again) = (below.clone(), tree.clone(), of_organization.clone(), filter.clone());
        let (same_tree, same_filter) = (tree.clone(), filter.clone());
        all.append(&mut asked! {
            "organizations below" => |c| organizations::page(c, &below, &filter, None, 20);
            "organizations of a subtree" => |c| organizations::page(c, &tree, &again, None, 20);
            "organizations of a subtree, further" => |c| organizations::page(c, &same_tree, &same_filter, after.as_ref(), 20);
        });
    }
    let (chain_path, mine) = (path.clone(), path.clone());
    let (marked_in, changed_in) = (PathRange::subtree(&path), PathRange::subtree(&path));
    let group: Vec<MemberId> = (1500..1540).map(MemberId).collect();
    let ends: Vec<OrganizationId> = (1100..1140).map(OrganizationId).collect();
    let (same_group, same_ends) = (group.clone(), ends.clone());
    let keys = vec![("1".to_owned(), "a".to_owned()), ("2".to_owned(), "b".to_owned())];
    all.append(&mut asked! {
        "an inbox" => |c| inbox::page(c, reader, "approval_in", None, 20);
        "an inbox, further" => |c| inbox::page(c, reader, "approval_in", entry, 20);
        "where a thing waits" => |c| inbox::holders(c, "approval_in", 1500);
        "targets" => |c| search::postings(c, OrganizationId(1), "term 11");
        "the path upwards with its administrators" => |c| chain::of(c, &chain_path);
        "offices of an organization" => |c| appointments::page(c, college, AppointmentId(0), 20);
        "offices of a person" => |c| accounts::offices(c, AccountId(2500));
        "an account by its number" => |c| accounts::by_id_number(c, b"x");
        "the account of a member" => |c| accounts::of_member(c, MemberId(1500));
        "the open case of a member" => |c| transfers::open_of(c, MemberId(1500));
        "members of a group of proposals" => |c| members::find_many_locked(c, &group);
        "their accounts and open cases" => |c| members::accounts_and_open_cases(c, &same_group);
        "organizations of a group of proposals" => |c| organizations::find_many(c, &ends);
        "names of organizations" => |c| organizations::names(c, &same_ends);
        "answers given under some keys" => |c| idempotency::find_many(c, &keys);
        "the open case of somebody from outside" => |c| inbound::open_of(c, b"x");
        "events of a case" => |c| transfers::events(c, TransferId(1500));
        "cases to be ended" => |c| transfers::overdue(c, now, false, 0, 200);
        "assignments to be escalated" => |c| transfers::overdue(c, now, true, 0, 200);
        "branches to be turned" => |c| organizations::due_for_switch(c, Month::new(2026, 12).expect("a month"), Some(OrganizationId(7)), 200);
        "where a member was" => |c| members::memberships(c, MemberId(1500));
        "whether anybody is in a subtree" => |c| members::any_within(c, &mine);
        "changes of a member's record" => |c| member_changes::history(c, MemberId(1500), Some(&changed_in), 0, 20);
        "marks a member had" => |c| marks::history(c, MemberId(1500), Some(&marked_in), 0, 20);
        "months a branch had" => |c| graduation::history(c, OrganizationId(1100), 0, 20);
        "forms of a member" => |c| certifications::of_member(c, MemberId(1500));
        "the season a member counts in" => |c| cohort::branch_of(c, 2026, MemberId(1500));
        "runs of a job" => |c| jobs::last(c, "expiry", 10);
        "the oldest entry that is not sealed" => |c| audit::oldest_unsealed(c);
        "entries to be sealed" => |c| audit::unsealed(c, 200);
        "who administers what" => |c| appointments::administering(c, None, AppointmentId(100), 20);
        "when runs of a job began" => |c| jobs::starts(c, "audit-seal", i64::MAX, 10);
        "forms decided within a part of the tree" => |c| certifications::decided_within(c, MemberId(1500), &PathRange::subtree(&Path::root(OrganizationId(1))));
        "all forms" => |c| certifications::page(c, CertificationId(1), 20);
        "other systems" => |c| integrators::page(c, None, 20);
        "every case with its events" => |c| invariants::histories(c, TransferId(1500), 20);
    });
    all
}

both_engines! {
    fn no_list_reads_a_whole_table_or_sorts(db: TestDb) {
        let world = World::new(db, "2026-06-15T00:00:00Z");
        fill(&world);
        let mut conn = world.db.conn();
        let mut bad = Vec::new();
        for (name, question) in lists(&world, &mut conn) {
            let asked = statements(&mut conn, question);
            assert!(!asked.is_empty(), "{name} sends no query");
            for statement in asked {
                let faults = faults(&mut conn, name, &statement);
                if !faults.is_empty() {
                    bad.push(format!("{name}: {statement}\n    {}", faults.join("\n    ")));
                }
            }
        }
        assert!(bad.is_empty(), "{}", bad.join("\n"));
        // The control: without its index, and with no other index to use, a list is found.
        conn.batch_execute("DROP INDEX transfers_target; DROP INDEX inbox_entries_organization; DROP INDEX inbox_entries_subject").expect("the indexes exist");
        for statement in ["SELECT id FROM transfers WHERE target_path >= '1/' AND target_path < '10' ORDER BY target_path, id LIMIT 20",
            "SELECT id FROM inbox_entries WHERE organization_id = 7 AND kind = 'x' ORDER BY since, id LIMIT 20"] {
            let faults = faults(&mut conn, "the control", statement);
            assert!(faults.iter().any(|step| reads_all(step)) && faults.iter().any(|step| sorts(step)), "{faults:?}");
        }
    }
}
