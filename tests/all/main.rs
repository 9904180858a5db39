//! Every test that needs more than one function: one binary, a module a topic.
//!
//! `docs/testing.md` has no secrets beyond this: write `both_engines! { async fn name(db: TestDb) { … } }` and get
//! `name::sqlite` and `name::postgres`, each with a migrated database of its own.

mod support;
