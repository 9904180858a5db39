//! What is decided before a handler runs: whether a request is taken at all, how large it may be, how many run at once.

pub mod body;
pub mod busy_response;
pub mod concurrency;
pub mod conditional;
pub mod cors;
pub mod edge;
pub mod headers;
pub mod limits;
pub mod load_shed;
pub mod quotas;
pub mod rate_limit;
