//! What the tests stand on: a database each, both engines, the program as a child process, a client for it.

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
pub mod statements;
pub mod world;

pub use database::{Engine, Fault, TestDb, block_on};

use std::io::Write;

/// Makes two tests, `name::sqlite` and `name::postgres`, of each body. It gets a migrated, empty [`TestDb`] of its own.
///
/// An `async fn` runs on a runtime of its own; a plain `fn` is for tests that talk to a served program.
macro_rules! both_engines {
    (@one [$($doc:tt)*] $name:ident, |$db:ident| $body:expr) => {
        $($doc)*
        mod $name {
            #[allow(unused_imports, reason = "a body may need nothing but its database")]
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

/// Says something the test harness can't swallow: it captures what the print macros write, not the stream itself.
pub fn announce(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

mod tests {
    use super::*;

    #[test]
    fn postgres_is_there_where_it_is_required() {
        // The cluster's own start fails the run when it is required and missing; this test asks for it by name.
        let found = postgres::cluster().is_some();
        assert!(found || !postgres::is_required());
    }

    both_engines! {
        async fn two_tests_share_no_world(db: TestDb) {
            let other = TestDb::new(db.engine()).expect("an engine that gave one database gives two");
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

/// Now, by the machine's own clock: for what is about how long something takes, not about a date.
#[expect(clippy::disallowed_methods, reason = "how long a thing takes is what is measured")]
pub fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}
