//! zhuanjie (转接): transfers of the League's organization relations.

pub mod clock;
pub mod db;
pub mod domain;
pub mod security;
