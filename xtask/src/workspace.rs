//! Where the workspace is, its crates, and how cargo is called in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Result;
use crate::command::output;
use crate::package;

/// The crates that must stay free of input and output.
pub(crate) const PURE: [&str; 2] = ["graphite-proto", "graphite-encoder"];

/// Returns the top of the checkout that this binary was built from.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// Returns a call of the cargo that runs this, in the workspace.
pub(crate) fn cargo<I: IntoIterator<Item: Into<OsString>>>(arguments: I) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments.into_iter().map(Into::into));
    package::forget(&mut command);
    command
}

/// Returns what cargo tells of the workspace and its members.
pub(crate) fn metadata() -> Result<Value> {
    let text = output(&mut cargo(["metadata", "--format-version", "1", "--no-deps"]), "")?;
    Ok(serde_json::from_str(&text)?)
}

/// Returns a command of the nightly toolchain, whatever cargo runs this.
pub(crate) fn nightly<const N: usize>(words: [&str; N]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly"]).args(words).current_dir(root());
    command
}

/// Returns the folder that cargo builds into.
pub(crate) fn target() -> Result<PathBuf> {
    Ok(metadata()?["target_directory"].as_str().ok_or("cargo names no target")?.into())
}

/// Returns the manifests of all crates, each with its path from the top. Those of the fuzz targets'
/// programs are among them, which are a workspace of their own for a nightly toolchain.
pub(crate) fn manifests() -> Result<Vec<(String, String)>> {
    let mut manifests = Vec::new();
    for folder in ["", "xtask"] {
        for entry in std::fs::read_dir(root().join(folder))? {
            let name = Path::new(folder).join(entry?.file_name()).join("Cargo.toml");
            let path = root().join(&name);
            if path.is_file() {
                manifests.push((name.display().to_string(), read(&path)?));
            }
        }
    }
    manifests.sort();
    Ok(manifests)
}

/// Returns every Rust file below a folder, sorted.
pub(crate) fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a file, or says which one could not be read.
pub(crate) fn read(path: &Path) -> Result<String> {
    Ok(std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Returns the path of the running program, to be started again in another process.
pub(crate) fn this_program() -> Result<PathBuf> {
    // On Linux this still leads to it when its file was built anew meanwhile.
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    Ok(std::env::current_exe()?)
}
