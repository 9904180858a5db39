//! Jobs: what holds for every job, the yearly switch (G6, L1), the lease, batches, and what operators see.

use crate::support::database::texts;
use crate::support::process::{self, zhuanjie};
use crate::support::world::World;
use crate::support::{block_on, both_engines};
use crate::transfers::{proposal, propose};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;
use zhuanjie::db::sql::maintenance;
use zhuanjie::domain::core::language::Language;
use zhuanjie::domain::job::ImplausibleInstant;
use zhuanjie::domain::retention::RetentionPeriods;
use zhuanjie::jobs::{self, Ending, Environment};
use zhuanjie::service::jobs::JobName;

const SPRING: &str = "2026-03-02T02:00:00Z";
const SWITCH: &str = "2026-05-31T16:00:00Z";

fn mark(world: &World, branch: &str, month: &str) {
    let body = json!({"mode": "all_or_nothing", "items": [{"branch": world.org(branch), "month": month}]});
    world.admin("nation").write("/v1/graduation-marks", &body).expect(200);
}

fn season(world: &World, branch: &str) -> i64 {
    let key = world.org_key(branch);
    world.db.number(&format!(
        "SELECT CAST(coalesce(graduated_season, 0) AS BIGINT) AS value FROM organizations WHERE id = {key}"
    ))
}

#[test]
fn the_page_for_operators_lists_every_job() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = fs::read_to_string(page).expect("the page");
    let table = page
        .lines()
        .skip_while(|line| *line != "| job | what it does | every |")
        .skip(2);
    let found: Vec<&str> = table.take_while(|line| line.starts_with('|')).collect();
    let row = |&job: &JobName| {
        let (does, seconds) = (job.label(Language::English), jobs::interval(job).as_secs());
        let every = match seconds % 60 {
            0 => format!("{} min", seconds / 60),
            _ => format!("{seconds} s"),
        };
        format!("| `{job}` | {does} | {every} |")
    };
    assert_eq!(found, JobName::ALL.iter().map(row).collect::<Vec<_>>());
    assert_eq!(
        found.iter().collect::<BTreeSet<_>>().len(),
        found.len(),
        "two jobs have the same name"
    );
}

/// How many rows each table has, except for the records of the jobs.
fn rows(world: &World) -> Vec<String> {
    let mut conn = world.db.conn();
    let tables = maintenance::table_names(&mut conn).expect("tables");
    let counted = tables.iter().filter(|table| !table.starts_with("job_"));
    let counts: Vec<String> = counted
        .map(|table| format!("SELECT '{table} ' || count(*) AS value FROM {table}"))
        .collect();
    texts(&mut conn, &counts.join(" UNION ALL "))
}

both_engines! {
    fn every_job_does_its_work_once_and_a_second_run_finds_nothing(db: TestDb) {
        const LATE: &str = "2026-12-01T00:00:00Z";
        let world = World::new(db, "2026-06-15T00:00:00Z");
        mark(&world, "class_2", "2026-07");
        propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        let accepted = propose(&world.person("class_1/2"), &proposal(&world, "unsettled", "township"));
        accepted.take(&world.admin("township"), "approve", &json!({}));
        world.at(LATE);
        for job in JobName::ALL {
            let first = world.run(*job, LATE);
            assert!(first.processed > 0 && first.failed == 0, "{job}: {first:?}");
            let before = rows(&world);
            let second = world.run(*job, LATE);
            assert_eq!((second.processed, second.failed), (0, 0), "{job}");
            assert_eq!(rows(&world), before, "{job}");
        }
    }

    async fn a_server_runs_every_job_when_it_starts_and_again_after_its_interval(db: TestDb) {
        let world = World::new(db, SPRING);
        let done = async |runs: usize| {
            let finished = "SELECT count(*) AS value FROM job_runs WHERE finished_at IS NOT NULL";
            for _ in 0..1000 {
                if world.db.number(finished) == runs as i64 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            panic!("{} of {runs} runs", world.db.number(finished));
        };
        let schedule = world.start_schedule(Duration::from_secs(1));
        done(JobName::ALL.len()).await;
        // The clock stands still, so from here on not even half an interval passes on its own.
        world.at(SWITCH);
        done(2 * JobName::ALL.len()).await;
        schedule.abort();
    }

    fn g6_the_switch_turns_at_midnight_in_shanghai_and_not_a_second_before(db: TestDb) {
        let world = World::new(db, SPRING);
        mark(&world, "class_1", "2026-07");
        assert_eq!(world.run(JobName::YearlySwitch, "2026-05-31T15:59:59Z").processed, 0);
        assert_eq!(season(&world, "class_1"), 0);
        assert_eq!(world.run(JobName::YearlySwitch, SWITCH).processed, 1);
        assert_eq!(season(&world, "class_1"), 2026);
    }

    fn g6_it_turns_months_of_this_year_or_earlier_and_no_others(db: TestDb) {
        let world = World::new(db, SPRING);
        mark(&world, "class_1", "2026-12");
        mark(&world, "class_2", "2027-01");
        mark(&world, "school", "2019-07");
        let body = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("teachers"), "undetermined": "teacher_branch"}]});
        world.admin("college").write("/v1/graduation-marks", &body).expect(200);
        assert_eq!(world.run(JobName::YearlySwitch, SWITCH).processed, 2);
        let found = ["class_1", "class_2", "school", "teachers", "village"].map(|branch| season(&world, branch));
        assert_eq!(found, [2026, 0, 2026, 0, 0]);
    }

    fn g6_twice_or_late_changes_nothing_more(db: TestDb) {
        let world = World::new(db, SPRING);
        mark(&world, "class_1", "2026-07");
        // The server did not run until the next February. The season is still the one that was missed.
        assert_eq!(world.run(JobName::YearlySwitch, "2027-02-01T00:00:00Z").processed, 1);
        assert_eq!(season(&world, "class_1"), 2026);
        let rows = world.db.count("graduation_history");
        assert_eq!(world.run(JobName::YearlySwitch, "2027-02-01T00:00:00Z").processed, 0);
        assert_eq!((rows, world.db.count("graduation_history")), (rows, rows));
    }

    fn g6_a_branch_marked_after_the_date_turns_at_the_next_run(db: TestDb) {
        let world = World::new(db, SPRING);
        world.run(JobName::YearlySwitch, SWITCH);
        mark(&world, "class_2", "2026-07");
        assert_eq!(season(&world, "class_2"), 0);
        world.run(JobName::YearlySwitch, "2026-06-10T00:00:00Z");
        assert_eq!(season(&world, "class_2"), 2026);
        assert_eq!(world.db.number("SELECT count(*) AS value FROM graduation_history WHERE event = 'turned' AND account_id IS NULL"), 1);
    }

    fn g6_the_switch_date_is_the_seasons_policy(db: TestDb) {
        let world = World::new(db, SPRING);
        mark(&world, "class_1", "2026-07");
        let nation = world.admin("nation");
        let mut policy = nation.get("/v1/policies/2026").expect(200).json();
        policy["switch_on"] = json!("06-15");
        nation.request("PUT", "/v1/policies/2026").header("if-match", "*").json(&policy).send().expect(200);
        assert_eq!(world.run(JobName::YearlySwitch, "2026-06-14T15:59:59Z").processed, 0);
        assert_eq!(world.run(JobName::YearlySwitch, "2026-06-14T16:00:00Z").processed, 1);
    }

    fn l1_the_cohort_is_taken_at_the_switch_without_delayed_and_teachers(db: TestDb) {
        let world = World::new(db, SPRING);
        mark(&world, "class_1", "2026-07");
        let items = json!([
            {"member": world.mem("class_1/1"), "identity": "teacher"},
            {"member": world.mem("class_1/2"), "identity": "delayed", "month": "2026-08", "reason": "休学"},
        ]);
        world.admin("college").write("/v1/member-marks", &json!({"mode": "per_item", "items": items})).expect(200);
        world.run(JobName::YearlySwitch, SWITCH);
        let counted = || world.db.texts("SELECT name AS value FROM members JOIN cohort_members ON member_id = id WHERE season = 2026 ORDER BY name");
        assert_eq!(counted(), ["class_1/3"]);
        // Kept up to date when marks change.
        world.at("2026-06-15T00:00:00Z");
        let undo = json!({"mode": "per_item", "items": [{"member": world.mem("class_1/1")}]});
        world.admin("college").write("/v1/member-marks/undo", &undo).expect(200);
        assert_eq!(counted(), ["class_1/1", "class_1/3"]);
        let mark = json!({"mode": "per_item", "items": [{"member": world.mem("class_1/3"), "identity": "teacher"}]});
        world.admin("college").write("/v1/member-marks", &mark).expect(200);
        assert_eq!(counted(), ["class_1/1"]);
    }

    fn one_bad_row_stops_nothing(db: TestDb) {
        let world = World::new(db, SPRING);
        mark(&world, "class_1", "2026-07");
        mark(&world, "class_2", "2026-07");
        // The last write of class 1's turn fails.
        let key = world.org_key("class_1");
        match world.db.engine() {
            crate::support::Engine::Sqlite => world.db.execute(&format!(
                "CREATE TRIGGER broken BEFORE INSERT ON graduation_history WHEN NEW.branch_id = {key} BEGIN SELECT RAISE(ABORT, 'broken'); END"
            )),
            crate::support::Engine::Postgres => world.db.execute(&format!(
                "ALTER TABLE graduation_history ADD CONSTRAINT broken CHECK (branch_id <> {key}) NOT VALID"
            )),
        }
        let run = world.run(JobName::YearlySwitch, SWITCH);
        assert_eq!((run.processed, run.failed), (1, 1));
        assert_eq!((season(&world, "class_1"), season(&world, "class_2")), (0, 2026));
        assert_eq!(world.db.count("cohort_members"), 3, "the failed branch has no rows");
    }

    fn s29_a_job_refuses_an_instant_that_can_not_be_right(db: TestDb) {
        let world = World::new(db, SPRING);
        let unconfirmed = || Environment { is_confirmed: false, ..world.jobs() };
        let run = |job: JobName, at: &str| {
            let at = at.parse().expect("an instant");
            block_on(jobs::run(&unconfirmed(), job, at)).expect("a database")
        };
        let before = rows(&world);
        for &job in JobName::ALL {
            let ahead = run(job, "2026-03-02T02:00:01Z");
            assert!(matches!(ahead, Ending::Implausible(ImplausibleInstant::AheadOfClock { .. })), "{job}: {ahead:?}");
        }
        assert_eq!((rows(&world), world.db.count("job_runs")), (before, 0));
        // A database without a log has nothing to lose. One with a log was in use within a day of the instant.
        world.at("2026-03-05T00:00:00Z");
        assert!(matches!(run(JobName::AuditSeal, "2026-03-05T00:00:00Z"), Ending::Done(_)));
        mark(&world, "class_1", "2026-07");
        world.at("2026-03-06T00:00:01Z");
        let before = (rows(&world), world.db.count("job_runs"));
        for &job in JobName::ALL {
            let late = run(job, "2026-03-06T00:00:01Z");
            assert!(matches!(late, Ending::Implausible(ImplausibleInstant::AheadOfLog { .. })), "{job}: {late:?}");
        }
        assert_eq!((rows(&world), world.db.count("job_runs")), before);
        for &job in JobName::ALL {
            assert!(matches!(run(job, "2026-03-06T00:00:00Z"), Ending::Done(_)), "{job}: a day is no silence");
            let at = "2035-01-01T00:00:00Z".parse().expect("an instant");
            assert!(matches!(block_on(jobs::run(&world.jobs(), job, at)), Ok(Ending::Done(_))), "{job}: it is confirmed");
        }
    }

    fn s29_the_command_asks_for_confirmation_and_says_first_what_it_would_do(db: TestDb) {
        let world = World::new(db, SPRING);
        for month in ["2026-07", "2026-08", "2026-09"] {
            mark(&world, "class_1", month);
        }
        world.run(JobName::AuditSeal, SPRING);
        world.ran_until(SPRING);
        let retention = |more: &[&str]| {
            let mut command = zhuanjie(["jobs", "run", "retention", "--at", "2035-01-01T00:00:00Z", "--audit-days", "180"]);
            command.args(more).env("DATABASE_URL", world.db.address());
            let (status, lines) = process::run(command);
            (status.success(), lines.join("\n"))
        };
        let before = rows(&world);
        let (done, said) = retention(&[]);
        assert!(!done && said.contains("is later than this machine's clock") && said.contains("--yes"), "{said}");
        let (done, said) = retention(&["--dry-run"]);
        assert!(done && said.contains("would process") && said.contains("kept answers: 3"), "{said}");
        assert!(said.contains("rows of the audit log: 0") && said.contains("The run needs --yes"), "{said}");
        assert_eq!(rows(&world), before, "neither changed anything");
        let (done, said) = retention(&["--yes"]);
        assert!(done && said.contains("3 processed"), "{said}");
        assert_eq!(world.db.count("idempotency_keys"), 0);
        assert_eq!(world.db.count("audit_log WHERE action = 'graduation.marked'"), 3, "they are seconds old");
    }

    fn s29_the_180_days_of_the_log_are_a_floor_whatever_any_clock_says(db: TestDb) {
        let world = World::new(db, SPRING);
        mark(&world, "class_1", "2026-07");
        let look_up = json!({"name": "x", "id_number": world.id_number("class_1/1")});
        world.admin("township").post("/v1/members/look-up", &look_up).refused(404, "member.no_match");
        let left = |at: &str| {
            world.at(at);
            // The clock that is wrong also dates the newest row and the run that seals it.
            let unseen = format!("/v1/members/{}", world.mem("class_1/1"));
            world.admin("employer").get(&unseen).refused(404, "member.not_found");
            world.run(JobName::AuditSeal, at);
            let retention = RetentionPeriods::new(180, 30).expect("the minimum");
            let environment = Environment { retention, is_confirmed: false, ..world.jobs() };
            let ended = block_on(jobs::run(&environment, JobName::Retention, at.parse().expect("an instant")));
            assert!(matches!(ended, Ok(Ending::Done(_))), "{ended:?}");
            let first = world.org_key("class_1");
            let marked = format!("audit_log WHERE action = 'graduation.marked' AND subject_key = {first}");
            (world.db.count(&marked), world.db.count("look_ups"))
        };
        // The service ran for a long time before, but not since the rows were written.
        world.ran_until("2026-03-01T02:00:00Z");
        assert_eq!(left("2035-01-01T00:00:00Z"), (1, 1));
        assert_eq!(left("2045-01-01T00:00:00Z"), (1, 1), "a second jump");
        world.ran_until("2026-08-28T02:00:00Z");
        assert_eq!(left("2035-01-02T00:00:00Z"), (1, 1), "a day is missing");
        world.ran_until("2026-09-05T02:00:00Z");
        assert_eq!(left("2035-01-03T00:00:00Z"), (0, 0));
    }

    fn a_job_that_runs_elsewhere_is_left_alone_until_its_lease_ends(db: TestDb) {
        let world = World::new(db, SWITCH);
        mark(&world, "class_1", "2026-07");
        let until = zhuanjie::domain::core::time::Timestamp::timestamp_micros(&world.clock.now()) + 60_000_000;
        world.db.execute(&format!("INSERT INTO job_leases (name, holder, until) VALUES ('yearly-switch', 'other', {until})"));
        let at = world.clock.now();
        let run = || block_on(jobs::run(&world.jobs(), JobName::YearlySwitch, at)).expect("a database");
        assert!(matches!(run(), Ending::Elsewhere));
        assert_eq!((season(&world, "class_1"), world.db.count("job_runs")), (0, 0));
        world.at("2026-05-31T16:01:01Z");
        assert!(matches!(run(), Ending::Done(_)));
        assert_eq!(season(&world, "class_1"), 2026);
    }

    fn two_servers_at_once_turn_each_branch_once(db: TestDb) {
        let world = World::new(db, SWITCH);
        mark(&world, "class_1", "2026-07");
        mark(&world, "class_2", "2026-07");
        let at = world.clock.now();
        block_on(async {
            let servers = [world.jobs(), world.jobs()];
            let (a, b) = tokio::join!(
                jobs::run(&servers[0], JobName::YearlySwitch, at),
                jobs::run(&servers[1], JobName::YearlySwitch, at)
            );
            a.and(b).expect("no fault");
        });
        assert_eq!(world.db.number("SELECT count(*) AS value FROM graduation_history WHERE event = 'turned'"), 2);
    }

    fn operators_see_the_last_runs_and_nobody_else_does(db: TestDb) {
        let world = World::new(db, SPRING);
        mark(&world, "class_1", "2026-07");
        world.run(JobName::YearlySwitch, SWITCH);
        let jobs = world.admin("nation").get("/v1/jobs").expect(200).json();
        assert_eq!((&jobs[0]["name"], &jobs[0]["runs"][0]["processed"]), (&json!("yearly-switch"), &json!(1)));
        assert_eq!(jobs[0]["runs"][0]["at"], SWITCH);
        world.admin("province").get("/v1/jobs").refused(403, "job.not_allowed");
        world.anybody().get("/v1/jobs").refused(401, "request.unauthenticated");
    }
}
