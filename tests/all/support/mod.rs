//! What the tests are built on: a database for each test, both engines, the program as a child process, and a client
//! for it.

pub mod answers;
pub mod cluster;
pub mod database;
mod postgres;
mod scratch;

pub mod http;
pub mod language;
pub mod process;
pub mod rows;
pub mod rust;
pub mod shared_keys;
pub mod statements;
pub mod threads;
pub mod world;

pub use database::{Engine, Fault, TestDb, block_on};

use std::io::Write;

/// Makes two tests, `name::sqlite` and `name::postgres`, of each body. Each gets a migrated, empty [`TestDb`] of its
/// own.
///
/// An `async fn` runs on a runtime of its own. A plain `fn` is for tests that call a served program.
macro_rules! both_engines {
    (@one [$($doc:tt)*] $name:ident, |$db:ident| $body:expr) => {
        $($doc)*
        mod $name {
            #[allow(unused_imports, reason = "a body may need only its database")]
            use super::*;

            fn body($db: $crate::support::TestDb) {
                $body
            }

            #[test]
            fn sqlite() {
                $crate::support::Engine::Sqlite.with_database(body);
            }

            #[test]
            fn postgres() {
                $crate::support::Engine::Postgres.with_database(body);
            }
        }
    };
    () => {};
    ($(#[$doc:meta])* async fn $name:ident($db:ident: TestDb) $body:block $($rest:tt)*) => {
        $crate::support::both_engines! { @one [$(#[$doc])*] $name, |$db| $crate::support::block_on(async move $body) }
        $crate::support::both_engines! { $($rest)* }
    };
    ($(#[$doc:meta])* fn $name:ident($db:ident: TestDb) $body:block $($rest:tt)*) => {
        $crate::support::both_engines! { @one [$(#[$doc])*] $name, |$db| $body }
        $crate::support::both_engines! { $($rest)* }
    };
}
pub(crate) use both_engines;

/// Prints a text that the test harness does not capture: it captures the print macros, not the stream itself.
pub fn announce(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

mod tests {
    use super::*;

    #[test]
    fn postgres_is_there_where_it_is_required() {
        // Starting the cluster fails the run if PostgreSQL is required and missing. This test only starts it.
        let found = postgres::cluster().is_some();
        assert!(found || !postgres::is_required());
    }

    both_engines! {
        async fn two_tests_share_no_world(db: TestDb) {
            let other = TestDb::new(db.engine()).expect("a second database");
            db.execute("INSERT INTO job_leases (name, holder, until) VALUES ('a', 'here', 1)");
            assert_eq!(db.count("job_leases"), 1);
            assert_eq!(other.count("job_leases"), 0);
        }
    }

    both_engines! {
        fn a_plain_body_gets_a_database_too(db: TestDb) {
            assert_eq!(db.count("organizations"), 0);
        }
    }
}

/// The machine's current time, for measuring how long something takes. It is not for dates.
#[expect(clippy::disallowed_methods, reason = "this measures how long something takes")]
pub fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}
