//! SQL that diesel can't write, or not for both engines.

pub(crate) mod bulk_insert;
pub mod dialect;
pub(crate) mod in_list;
pub mod locks;
pub mod maintenance;
