//! The constraints and the comparisons of the databases. Both engines behave alike.

use crate::support::rows::least;
use crate::support::{Engine, both_engines};
use diesel::prelude::*;
use zhuanjie::db::schema::organizations;
use zhuanjie::db::{Conn, Unique};

/// The paths from `from` up to and without `to`, in order.
fn below(conn: &mut Conn, from: &str, to: &str) -> Vec<String> {
    organizations::table
        .filter(organizations::path.ge(from).and(organizations::path.lt(to)))
        .order(organizations::path)
        .select(organizations::path)
        .load(conn)
        .expect("an answer")
}

/// A new digest at each call.
fn a_new_digest(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "randomblob(32)",
        Engine::Postgres => "sha256(random()::text::bytea)",
    }
}

/// A fixed digest.
fn a_digest(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "x'01'",
        Engine::Postgres => "'x'::bytea",
    }
}

/// A statement that violates a constraint when it runs a second time.
fn only_once(engine: Engine, unique: Unique) -> String {
    let (table, values): (_, &[_]) = match unique {
        Unique::OpenTransfer => ("transfers", &[("member_id", "1")]),
        Unique::InboundPerson => (
            "inbound_persons",
            &[
                ("transfer_id", "(SELECT count(*) + 1 FROM inbound_persons)"),
                ("open", "TRUE"),
            ],
        ),
        Unique::DevelopmentNumber => (
            "members",
            &[
                ("id_number_digest", a_new_digest(engine)),
                ("development_number", "'2021'"),
            ],
        ),
        Unique::MemberIdNumber => ("members", &[("id_number_digest", a_digest(engine))]),
        Unique::OpenMonthChange => ("month_changes", &[("state", "'open'")]),
        Unique::WaitingForm => ("certifications", &[("state", "'waiting'")]),
        Unique::OpenAppointmentRequest => ("appointment_requests", &[("state", "'open'"), ("account_id", "1")]),
        Unique::OpenNewcomerRequest => (
            "appointment_requests",
            &[("state", "'open'"), ("id_number_digest", a_digest(engine))],
        ),
        Unique::SiblingName => ("organizations", &[("parent_id", "1"), ("name", "'same'")]),
        Unique::SchoolCode => ("organizations", &[("school_code", "'10001'")]),
        Unique::IdempotencyKey => ("idempotency_keys", &[("actor", "'a'"), ("key", "'k'")]),
        Unique::PolicyVersion => ("policies", &[("season", "2026"), ("version", "1")]),
    };
    least(engine, table, values)
}

both_engines! {
    fn every_unique_constraint_is_recognized(db: TestDb) {
        use Unique::{
            DevelopmentNumber, IdempotencyKey, InboundPerson, MemberIdNumber, OpenAppointmentRequest, OpenMonthChange, OpenNewcomerRequest,
            OpenTransfer, PolicyVersion, SchoolCode, SiblingName, WaitingForm,
        };
        let conn = &mut db.conn();
        let mut run = |sql: &str| diesel::sql_query(sql).execute(conn);
        for stage in ["organizations", "accounts", "members"] {
            run(&least(db.engine(), stage, &[])).expect("what the rows refer to");
        }
        for unique in [
            OpenTransfer, InboundPerson, DevelopmentNumber, MemberIdNumber, OpenMonthChange, WaitingForm, OpenAppointmentRequest, OpenNewcomerRequest,
            SiblingName, SchoolCode, IdempotencyKey, PolicyVersion,
        ] {
            run(&only_once(db.engine(), unique)).expect("the first row");
            let error = run(&only_once(db.engine(), unique)).expect_err("the constraint");
            assert_eq!(Unique::violated(&error), Some(unique), "{error:?}");
        }
    }

    fn paths_compare_by_bytes(db: TestDb) {
        let conn = &mut db.conn();
        for path in ["2/", "1/2/4/", "1/", "10/", "1/10/", "1/2/", "1/20/", "1/2/30/"] {
            let path = format!("'{path}'");
            db.execute(&least(db.engine(), "organizations", &[("path", &path), ("name", &path)]));
        }
        // '0' follows '/', so "1/20" is the first path after those that begin with "1/2/".
        assert_eq!(below(conn, "1/2/", "1/20"), ["1/2/", "1/2/30/", "1/2/4/"]);
        assert_eq!(below(conn, "", "9"), ["1/", "1/10/", "1/2/", "1/2/30/", "1/2/4/", "1/20/", "10/", "2/"]);
    }
}
