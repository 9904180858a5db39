//! Every test that needs more than one function: one binary, a module a topic.
//!
//! `both_engines! { async fn name(db: TestDb) { … } }` makes `name::sqlite` and `name::postgres`, each with a migrated
//! database of its own.

mod architecture;
mod demo;
mod doors;
mod graduation;
mod jobs;
mod marks;
mod policies;
mod schema;
mod support;
mod transfers;
