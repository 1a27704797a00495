//! What the figures of a run belong to: the machine, and how the program was built and called.
//!
//! What the system does not tell is said to be unknown. Not here: any figure.

use std::fs;
use std::num::NonZero;
use std::process::Command;
use std::thread;

use crate::command::output;
use crate::workspace::root;

/// Where a run was made, and by which command.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) kernel: String,
    pub(super) rustc: String,
    pub(super) command: String,
}

impl Machine {
    pub(super) fn read(command: String) -> Self {
        let mut rustc = Command::new("rustc");
        let rustc = output(rustc.current_dir(root()).arg("--version"), "").ok();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let known = |text: Option<String>| match text {
            Some(text) => text.trim().to_owned(),
            None => "unknown".to_owned(),
        };
        Self {
            processor: known(processor(&info)),
            cores: thread::available_parallelism().map_or(1, NonZero::get),
            kernel: known(kernel.map(|release| format!("Linux {release}"))),
            rustc: known(rustc),
            command,
        }
    }

    /// Returns it in one line, without the command.
    pub(super) fn line(&self) -> String {
        let Self { processor, cores, kernel, rustc, .. } = self;
        format!("{processor}, {cores} cores, loopback; {kernel}; {rustc}")
    }
}

/// Finds the processor's name in the text of /proc/cpuinfo.
fn processor(info: &str) -> Option<String> {
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_the_first_that_is_named() {
        let info = "processor\t: 0\nmodel name\t: A Fast One @ 3 GHz\nmodel name\t: Another\n";
        assert_eq!(processor(info).as_deref(), Some("A Fast One @ 3 GHz"));
        assert_eq!(processor("processor\t: 0\n"), None);
    }
}
