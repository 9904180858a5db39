//! Which program this is.

/// The version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, as `.cargo/build.rs` found it. A build for development does not say: it would be built anew
/// after each commit.
pub const COMMIT: &str = env!("ZHUANJIE_COMMIT");
/// Both, as `--version` prints them.
pub const DESCRIPTION: &str = concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("ZHUANJIE_COMMIT"), ")");
