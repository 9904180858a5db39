//! The database. Other modules get a connection only through [`Db::read`], [`Db::write`] and [`Db::survey`]. The same
//! closures run on both engines. The one exception is [`Db::bulk_connection`], for loading a demo country and for the
//! load generator.
//!
//! A worker is a thread with its own connection. A gate is a fair semaphore: a request waits there for a free slot
//! before it gets a connection. A patient caller ([`Db::patient`]) may wait without a limit.
//!
//! The queues, with the default bounds and time limits of [`DatabaseSettings`]:
//!
//! ```text
//! Db::read         SQLite
//!  read_workers    ─► ReadQueue, no bound ─► 8 workers, a connection each: one core worker per CPU takes any read,
//!                     5 s, else Overloaded     the spare ones wake when no read was taken for 5 ms.
//!                                              Reads queued together share a snapshot. Answer within 10 s in all.
//!                  PostgreSQL
//!                  ─► ReadQueue as above ────► as above, to the primary; spare workers wake when a read has waited 1 ms.
//!  standby         With a standby, first
//!                  ─► the primary's log position, through its ReadQueue; shared by all that wait; 100 ms
//!                  ─► Gate, 8 slots, and pool; the standby has replayed so far: 100 ms ─► answer within 10 s.
//!                     Else to the primary: this read, and all reads for 1 s after the standby failed.
//!
//! Batcher::submit  both engines, before Db::write
//!  batcher         ─► BatchQueue, 1,024 ─► batches of up to 64 items, 1 at a time (PostgreSQL: 2) ─► Db::write
//!                     5 s, else Overloaded    answer within another 10 s, else OutcomeUnknown
//!
//! Db::write        SQLite
//!  sqlite_writer   ─► WriteQueue, 1,024 ─► 1 thread: groups of up to 256 use cases, one commit each
//!                     full: Overloaded        answer within 10 s in all, else OutcomeUnknown
//!                  PostgreSQL
//!  pg_pool         ─► Gate, 8 slots  ────► pool of 8 connections; up to 3 tries after a conflict
//!  gate               5 s, else Overloaded    answer within another 10 s, else OutcomeUnknown
//!                  Db::patient() waits for the answer without a limit.
//!
//! Db::survey       both engines
//!  surveys         ─► Gate, 2 slots  ────► its own connection, opened for it and closed after it; no limit.
//!                     5 s, else Overloaded    Db::patient() waits for the slot without a limit.
//! ```
//!
//! PostgreSQL itself ends a statement after 5 s, the wait for a lock after 2 s and an idle transaction after 10 s
//! ([`Limits`]), except for surveys.

mod batcher;
pub mod columns;
mod connection;
mod database;
mod error;
mod gate;
mod migrate;
mod pg_pool;
mod pooling;
mod read_workers;
pub mod schema;
mod settings;
pub mod sql;
pub mod sqlite_file;
mod sqlite_writer;
mod standby;
mod surveys;
mod threads;

pub use batcher::{Batcher, Outcomes};
pub use connection::{Backend, CONTROL, Conn};
pub use database::Db;
pub use error::{DbError, FaultKind, Retryable, Unique};
pub use settings::{DatabaseSettings, DatabaseUrl, Limits};
pub use sql::bulk_insert::{BulkInsert, HasColumn, Row};
pub use sql::in_list::{in_json_list, in_padded};
