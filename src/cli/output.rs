//! What a command answers.

use anyhow::Result;
use std::io::Write;

/// Writes a command's answer to standard output; messages go to the log.
///
/// # Errors
/// When standard output is closed.
pub fn say(text: &str) -> Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
