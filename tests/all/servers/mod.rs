//! PostgreSQL as provinces run it: several hosts, standbys, several servers of ours, and everything that can happen to it.

mod database;
mod faults;
mod season;
mod standby;
