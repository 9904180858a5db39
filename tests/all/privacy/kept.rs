//! Deleting data on time (S-29). A look-up costs the same whatever its result (T4, API6).

use crate::external;
use crate::support::process::{self, zhuanjie};
use crate::support::world::{PASSWORD, World, fresh_key};
use crate::support::{block_on, both_engines};
use diesel::Connection;
use diesel::connection::InstrumentationEvent;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use zhuanjie::domain::authority::actor::{Actor, Office};
use zhuanjie::domain::core::id_number::IdNumber;
use zhuanjie::domain::core::ids::{AccountId, AppointmentId, OrganizationId};
use zhuanjie::domain::organization::facts::{OrganizationKind, Path};
use zhuanjie::security::vault::SealPurpose;
use zhuanjie::service::Context;
use zhuanjie::service::jobs::JobName;
use zhuanjie::service::look_up::{LookedUpPerson, look_up};

const NOW: &str = "2026-06-20T04:00:00Z";

/// How many statements a look-up takes.
fn statements(world: &World, name: &str, number: &str) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let mut conn = world.db.conn();
    let counted = count.clone();
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { .. } = event {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let vault = zhuanjie::config::Keys::demo().vault;
    let wanted = LookedUpPerson {
        name: name.to_owned(),
        id_number: vault.digest(SealPurpose::IdNumber, number),
    };
    let key = world.org_key("township");
    let path = world
        .db
        .texts(&format!("SELECT path AS value FROM organizations WHERE id = {key}"))
        .remove(0);
    let office = Office {
        appointment: AppointmentId(1),
        organization: OrganizationId(key),
        path: path.parse::<Path>().expect("a path"),
        kind: OrganizationKind::Committee,
    };
    let context = Context {
        actor: Actor::administrator(AccountId(1), None, office),
        now: NOW.parse().expect("an instant"),
        request_id: fresh_key(),
    };
    look_up(&mut conn, &context, &wanted).expect("a result");
    count.load(Ordering::Relaxed)
}

fn stranger() -> IdNumber {
    IdNumber::compose(420106, "1980-01-01".parse().expect("a day"), 999).expect("a number")
}

both_engines! {
    fn api6_a_match_a_miss_and_a_wrong_name_take_the_same_work(db: TestDb) {
        let world = World::new(db, NOW);
        let number = world.id_number("class_1/1");
        let hit = statements(&world, "class_1/1", &number);
        assert!(hit >= 6, "budgets, person, branch, note, audit: {hit}");
        assert_eq!(hit, statements(&world, "class_1/2", &number), "a wrong name");
        assert_eq!(hit, statements(&world, "class_1/1", stranger().reveal()), "nobody's number");
    }

    fn api6_trying_birth_dates_uses_up_the_budget_of_the_caller(db: TestDb) {
        let world = World::new(db, NOW);
        let township = world.admin("township");
        let numbers = (0..121).map(|day| {
            let born = chrono::NaiveDate::from_ymd_opt(2004, 1, 1).expect("a day") + chrono::TimeDelta::days(day);
            IdNumber::compose(420106, born, 1).expect("a number")
        });
        let statuses: Vec<u16> = numbers
            .map(|number| township.post("/v1/members/look-up", &json!({"name": "class_1/1", "id_number": number.reveal()})).status)
            .collect();
        assert_eq!(statuses.iter().filter(|&&status| status == 429).count(), 1, "the last one: {statuses:?}");
        assert_eq!(statuses[120], 429);
        // Every attempt is recorded, the refused one too.
        let rows = "SELECT count(*) AS value FROM audit_log WHERE action IN ('member.looked_up', 'look_up.limited')";
        assert_eq!(world.db.number(rows), 121);
    }

    fn s29_each_kind_of_row_is_deleted_after_its_time(db: TestDb) {
        let world = World::new(db, NOW);
        world.admin("township").post("/v1/members/look-up", &json!({"name": "x", "id_number": stranger().reveal()})).refused(404, "member.no_match");
        world.admin("class_1").post(&format!("/v1/members/{}/reset-code", world.mem("class_1/1")), &json!({})).expect(201);
        let body = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2026-07"}]});
        world.admin("college").write("/v1/graduation-marks", &body).expect(200);
        world.ran_until("2029-06-30T00:00:00Z");
        let left = |at: &str| {
            world.run(JobName::Retention, at);
            ["look_ups", "budgets", "idempotency_keys", "reset_codes"].map(|table| world.db.count(table))
        };
        assert_eq!(left("2026-06-21T04:00:00Z"), [1, 3, 1, 1], "budgets of an hour are kept for a day");
        assert_eq!(left("2026-06-21T05:00:00Z"), [1, 0, 1, 1]);
        assert_eq!(left("2026-06-27T04:00:00Z"), [1, 0, 1, 1], "kept answers are kept for seven days");
        assert_eq!(left("2026-06-27T04:00:01Z"), [1, 0, 0, 1]);
        assert_eq!(left("2026-07-20T04:00:01Z"), [1, 0, 0, 0], "one-time codes are kept for thirty days");
        assert_eq!(left("2029-06-19T04:00:00Z"), [1, 0, 0, 0], "look-ups are kept as long as the audit log");
        assert_eq!(left("2029-06-19T04:00:01Z"), [0, 0, 0, 0]);
        assert!(world.db.count("audit_log WHERE action = 'expired_data.deleted'") > 3, "each deletion is recorded");
        assert_eq!(world.run(JobName::Retention, "2029-06-19T04:00:01Z").processed, 0, "a second run changes nothing");
    }

    fn s29_a_session_is_deleted_180_days_after_its_last_use(db: TestDb) {
        let world = World::new(db, NOW);
        let sign_in = || {
            let body = json!({"id_number": world.id_number("class_1/1"), "password": PASSWORD});
            world.anybody().post("/v1/auth/sign-in", &body).expect(200).json()
        };
        let (ended, used, _) = (sign_in(), sign_in(), sign_in());
        let bearer = |token: &Value| world.anybody().with_token(token["access_token"].as_str().expect("a token"));
        bearer(&ended).post("/v1/auth/sign-out", &json!({"everywhere": false})).expect(204);
        world.at("2026-06-20T05:00:00Z");
        let turned = world.anybody().post("/v1/auth/refresh", &json!({"refresh_token": used["refresh_token"]})).expect(200).json();
        world.ran_until("2026-12-30T00:00:00Z");
        let left = |at: &str| {
            world.run(JobName::Retention, at);
            world.db.count("sessions")
        };
        assert_eq!(left("2026-12-17T04:00:00Z"), 3, "180 days after 20 June");
        assert_eq!(left("2026-12-17T04:00:01Z"), 1, "the one that ended and the one that ran out");
        assert_eq!(left("2026-12-17T05:00:00Z"), 1);
        // The session's time is over. The row that is left can not refresh.
        world.at("2026-07-20T05:00:00Z");
        world.anybody().post("/v1/auth/refresh", &json!({"refresh_token": turned["refresh_token"]})).refused(401, "request.refresh_failed");
        assert_eq!(left("2026-12-17T05:00:01Z"), 0);
        assert_eq!(world.run(JobName::Retention, "2026-12-17T05:00:01Z").processed, 0, "a second run changes nothing");
    }

    fn s29_counts_of_failed_attempts_are_deleted_a_day_after_the_last(db: TestDb) {
        let world = World::new(db, NOW);
        let body = json!({"id_number": world.id_number("class_1/1"), "password": "wrong"});
        world.anybody().post("/v1/auth/sign-in", &body).refused(401, "request.sign_in_failed");
        assert_eq!(world.db.count("attempts"), 3);
        world.run(JobName::Retention, "2026-06-21T04:00:00Z");
        assert_eq!(world.db.count("attempts"), 3);
        world.run(JobName::Retention, "2026-06-21T04:00:01Z");
        assert_eq!(world.db.count("attempts"), 0);
    }

    fn s29_an_ended_block_is_kept_as_long_as_the_audit_log_and_a_lasting_one_without_end(db: TestDb) {
        let world = World::new(db, NOW);
        for member in ["class_1/1", "class_1/2"] {
            let path = format!("/v1/members/{}", world.mem(member));
            world.admin("class_1").write(&format!("{path}/block"), &json!({"reason": "账号被盗"})).expect(200);
        }
        let path = format!("/v1/members/{}/unblock", world.mem("class_1/1"));
        world.admin("class_1").write(&path, &json!({})).expect(200);
        world.ran_until("2029-06-30T00:00:00Z");
        let left = |at: &str| {
            world.run(JobName::Retention, at);
            world.db.count("account_blocks")
        };
        assert_eq!(left("2029-06-19T04:00:00Z"), 2);
        assert_eq!(left("2029-06-19T04:00:01Z"), 1);
        assert_eq!(left("2039-06-19T04:00:01Z"), 1);
    }

    fn s29_the_person_of_an_ended_inbound_case_is_deleted_on_time(db: TestDb) {
        let world = external::country(db, NOW);
        let beijing = external::system(&world, "beijing");
        let propose = |serial: u16, name: &str| {
            let body = external::going_to(&world, "village", name, &external::number(serial));
            external::place(beijing.write(external::INBOUND, &body))
        };
        let (refused, completed, open) = (propose(1, "来人一"), propose(2, "来人二"), propose(3, "来人三"));
        let village = world.admin("village");
        village.decide(&format!("{refused}/refuse"), 1, &json!({"reason": "来人一查无此人"})).expect(200);
        village.decide(&format!("{completed}/approve"), 1, &json!({})).expect(200);
        let run = |at: &str, days: &str| {
            let mut command = zhuanjie(["jobs", "run", "retention", "--yes", "--at", at]);
            command.env("DATABASE_URL", world.db.address()).env("ZHUANJIE_INBOUND_DAYS", days);
            process::run(command)
        };
        let shown = |case: &str| village.get(case).expect(200).json();
        let persons = || world.db.count("inbound_persons");
        let (status, lines) = run("2026-07-20T04:00:00Z", "29");
        assert!(!status.success() && lines.iter().any(|line| line.contains("29 days are fewer than the 30")), "{lines:?}");
        assert!(run("2026-07-20T04:00:00Z", "30").0.success());
        assert_eq!((persons(), &shown(&refused)["member_name"]), (3, &json!("来人一")), "kept to the second");
        assert!(run("2026-07-20T04:00:01Z", "31").0.success());
        assert_eq!(persons(), 3, "kept as long as is configured");
        assert!(run("2026-07-20T04:00:01Z", "30").0.success());
        assert_eq!(persons(), 1, "only the person of the open case is left");
        let forgotten = shown(&refused);
        assert_eq!((&forgotten["member_name"], &forgotten["state"]), (&json!("—"), &json!("refused")));
        assert!(!forgotten.to_string().contains("某路1号"), "{forgotten}");
        assert_eq!(shown(&completed)["member_name"], "来人二", "the person is a member now");
        assert_eq!(shown(&open)["member_name"], "来人三");
        assert_eq!(world.db.count("audit_log WHERE action = 'inbound_person.deleted'"), 2);
        village.decide(&format!("{open}/approve"), 1, &json!({})).expect(200);
    }

    fn s29_files_that_no_row_refers_to_spend_a_month_in_the_bin(db: TestDb) {
        let world = World::new(db, NOW);
        world.db.execute("UPDATE members SET joined_month = 202105, certification = 'not_uploaded'");
        let path = format!("/v1/members/{}/certification", world.mem("class_1/1"));
        let client = world.admin("class_1");
        let request = client.request("POST", &path).header("content-type", "application/pdf");
        let form = b"%PDF-1.7\n<</Type/Page>>\nstartxref\n9\n%%EOF\n".to_vec();
        let form = request.header("idempotency-key", &fresh_key()).body(form).send().expect(201).json();
        let referred = world.db.texts("SELECT file AS value FROM certifications").remove(0);
        // The file of a server that was killed before it stored the row, and the file of one that was killed while
        // receiving.
        let keep = || block_on(async { world.app().files.receive(1).await.expect("room").keep().await.expect("room").name });
        let (orphan, young) = (keep(), keep());
        let other = |name: &str| std::fs::write(world.files.join(name), "x").expect("room");
        for name in ["abandoned.part", "receiving.part", "somebody elses"] {
            other(name);
        }
        let age = |name: &str, hours: u64| {
            let file = std::fs::File::options().write(true).open(world.files.join(name)).expect("the file exists");
            let then = file.metadata().and_then(|data| data.modified()).expect("a time") - Duration::from_secs(hours * 3600);
            file.set_modified(then).expect("the time can be set");
        };
        for (name, hours) in [(referred.as_str(), 25), (&orphan, 25), (&young, 23), ("abandoned.part", 25), ("receiving.part", 23), ("somebody elses", 25)] {
            age(name, hours);
        }
        let run = || {
            let mut command = zhuanjie(["jobs", "run", "retention", "--at", NOW]);
            command.env("DATABASE_URL", world.db.address()).env("ZHUANJIE_FILES", &world.files);
            let (status, lines) = process::run(command);
            assert!(status.success(), "{lines:?}");
            lines.join("\n")
        };
        let said = run();
        assert!(said.contains("1 processed, 0 failed"), "{said}");
        let there = |name: &str| world.files.join(name).exists();
        assert_eq!([orphan.as_str(), "abandoned.part"].map(there), [false; 2]);
        let binned = format!(".bin/{orphan}");
        assert!(there(&binned));
        assert_eq!([&referred, &young, "receiving.part", "somebody elses"].map(there), [true; 4]);
        let path = format!("/v1/certifications/{}/form", form["id"].as_str().expect("an id"));
        world.admin("college").get(&path).expect(200);
        assert_eq!(world.db.count("audit_log WHERE action = 'unused_files.binned'"), 1);
        assert!(run().contains("0 processed, 0 failed"), "a second run changes nothing");
        age(&binned, 24 * 30 - 1);
        assert!(run().contains("0 processed, 0 failed") && there(&binned));
        age(&binned, 1);
        assert!(run().contains("1 processed, 0 failed") && !there(&binned));
        assert_eq!(world.db.count("audit_log WHERE action = 'unused_files.deleted'"), 1);
    }
}
