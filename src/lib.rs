//! zhuanjie (转接): transfers of the League's organization relations.

pub mod demo;
pub mod domain;
