//! How much memory this process holds and has held, as proc(5) tells it. Not here: that of others.

use crate::Result;

/// Returns the resident memory of this process in bytes.
pub(crate) fn resident() -> Result<usize> {
    status("VmRSS:")
}

/// Returns the most resident memory that this process has had, in bytes.
pub(crate) fn peak() -> Result<usize> {
    status("VmHWM:")
}

fn status(name: &str) -> Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.ok_or_else(|| format!("the kernel does not tell {name}"))?.parse::<usize>()? << 10)
}
