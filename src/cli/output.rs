//! The output of a command.

use anyhow::Result;
use std::io::Write;

/// Writes a command's result to standard output. Messages go to the log.
///
/// # Errors
/// When standard output is closed.
pub fn say(text: &str) -> Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
