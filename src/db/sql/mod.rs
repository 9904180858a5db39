//! SQL that diesel does not write for both engines, and the one file of dialect differences.

pub mod bulk_insert;
pub mod dialect;
pub mod in_json_list;
pub mod in_padded;
