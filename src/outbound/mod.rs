//! Requests of the service to other services over HTTP.

pub mod wechat;
