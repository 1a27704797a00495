//! What cargo says by the environment to a program that it runs: the package it is of.
//!
//! The build of a dependency (ring's) looks at that too. A cargo that heard it would build it again,
//! with all that stands on it, and so would the next one that does not. Tests include this file.

use std::process::Command;

/// Has a call of cargo not hear of this program's package.
pub(crate) fn forget(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_") {
            command.env_remove(&*name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_forgotten_and_nothing_else() {
        let mut command = Command::new("cargo");
        let forgotten: Vec<_> = forget(&mut command).get_envs().collect();
        assert!(forgotten.iter().any(|(name, _)| *name == "CARGO_MANIFEST_DIR"), "{forgotten:?}");
        assert!(forgotten.iter().any(|(name, _)| *name == "CARGO_PKG_NAME"), "{forgotten:?}");
        assert!(forgotten.iter().all(|(name, value)| *name != "CARGO" && value.is_none()));
    }
}
