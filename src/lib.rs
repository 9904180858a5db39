//! zhuanjie (转接): transfers of the League's organization relations (团组织关系转接).
//!
//! A request passes through these modules: [`api`] → [`service`] → [`domain`] (decides) and [`repository`] (stores) →
//! [`db`]. `docs/architecture.md` says which module may use which.

pub mod api;
pub mod app;
pub(crate) mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod demo;
pub mod domain;
pub mod files;
pub mod jobs;
pub(crate) mod outbound;
pub mod repository;
pub mod security;
pub mod service;
