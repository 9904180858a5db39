//! The answers: problem documents, answers of writes, pages of lists.

pub mod paging;
pub mod problem;
pub mod reply;
