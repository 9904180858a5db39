//! Every test that needs more than one function, in one binary with a module for each topic.
//!
//! `both_engines! { async fn name(db: TestDb) { … } }` makes `name::sqlite` and `name::postgres`. Each gets a migrated
//! database of its own.

mod accounts;
mod appointments;
mod architecture;
mod audit;
mod audit_page;
mod authorization;
mod backup;
mod batcher;
mod bench;
mod certification;
mod circles;
mod constraints;
mod db_access;
mod demo;
mod docs;
mod edge;
mod engines;
mod external;
mod faults;
mod founded;
mod graduation;
mod invariants_page;
mod jobs;
mod languages;
mod look_up;
mod marks;
mod members;
mod misconfiguration;
mod names;
mod openapi;
mod operators;
mod organizations;
mod pages;
mod plans;
mod policies;
mod pooler;
mod privacy;
mod refusals;
mod registration;
mod reset;
mod rule_pages;
mod schema;
mod search;
mod season;
mod servers;
mod simulation;
mod support;
mod transfers;
mod verify;
mod walkthrough;
