//! What the service asks of others over HTTP.

pub mod wechat;
