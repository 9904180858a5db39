//! The load and scale kit: loads a country of any size, plays a season against running servers, keeps a ledger of what
//! was acknowledged, and holds the ledger against the database afterwards.
//!
//! [`cast`] says who plays, [`play`] what they do, [`signer`] as whom, [`client`] how it is sent and sent again and
//! [`wire`] over what, [`meter`] how long it took, [`window`] when it counts, [`ledger`] what was promised, [`due`] what
//! the jobs find to do. `docs/performance.md` says how its numbers are got.

mod cast;
mod client;
mod command;
mod due;
mod ledger;
mod load;
mod meter;
mod micro;
mod play;
mod signer;
mod window;
mod wire;

pub use command::{BenchCommand, run};
