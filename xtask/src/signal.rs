//! Signals to processes that a task started. Not here: how they end, which their owners await.

use std::process::{Child, Command};

use crate::Result;

/// Sends a signal by its name.
pub(crate) fn send(child: &Child, name: &str) -> Result {
    // The shell's own `kill`: a minimal system has no other.
    let script = format!("kill -{name} {}", child.id());
    let status = Command::new("sh").args(["-c", &script]).status()?;
    if status.success() { Ok(()) } else { Err(format!("{script}: {status}").into()) }
}
