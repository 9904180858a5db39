//! The handlers, one file for each resource.

pub mod appointments;
pub mod audit;
pub mod auth;
pub mod blocks;
pub mod certifications;
pub mod disclosures;
pub mod graduation;
pub mod inbox;
pub mod integrators;
pub mod jobs;
pub mod look_up;
pub mod members;
pub mod meta;
pub mod organizations;
pub mod policies;
pub mod registration;
pub mod resets;
pub mod rules;
pub mod search;
pub mod token;
pub mod transfers;
pub mod wechat;
pub mod well_known;
