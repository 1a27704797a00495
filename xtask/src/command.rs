//! Runs other programs to their end, and says which one failed and how. Not here: programs that are
//! to go on beside a task, which their owners start and end.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use crate::Result;

/// Runs a command whose output goes through.
pub(crate) fn loud(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}

/// Runs a command whose output is shown only if it fails.
pub(crate) fn quiet(command: &mut Command) -> Result {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    Err(format!("{command:?} ended with {}", output.status).into())
}

/// Runs a command with text on its standard input and returns what it prints. A failure is told
/// with the last line of its complaint.
pub(crate) fn output(command: &mut Command, input: &str) -> Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let pipe = child.stdin.take();
    let output = thread::scope(|scope| {
        // A command that needs no input may have ended: that is no error here.
        scope.spawn(move || pipe.map(|mut pipe| pipe.write_all(input.as_bytes())));
        child.wait_with_output()
    })?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.trim_end().lines().last().unwrap_or("no message");
    Err(format!("{:?} ended with {}: {last}", command.get_program(), output.status).into())
}
