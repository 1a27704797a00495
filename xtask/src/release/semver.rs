//! What the last release promised holds, or the version says that it does not.
//!
//! By cargo-semver-checks, which this does not install, against the last tag `v1.2.3`; a tree that
//! comes from no release has nothing to keep. Not here: the crates whose types are public, which
//! cargo-semver-checks does not look at and `api.rs` does.

use super::{Findings, PUBLISHED, changelog, git, versions};
use crate::Result;
use crate::command::{output, quiet};
use crate::workspace::{cargo, metadata};

pub(super) fn check() -> Result<Findings> {
    let Some(tag) = git::last_release()? else {
        let told = "no release yet to compare with".to_owned();
        return Ok(Findings { told, ..Findings::default() });
    };
    let version = format!("v{}", versions::version(&metadata()?));
    let changed = changelog::changed(&git::changed(&tag)?);
    let mut faults: Vec<_> = again(&tag, &version, &changed).into_iter().collect();
    output(&mut cargo(["semver-checks", "--version"]), "").map_err(|error| {
        format!("{error}; it takes cargo-semver-checks: cargo install --locked cargo-semver-checks")
    })?;
    let mut compare = cargo(["semver-checks", "--all-features", "--baseline-rev", &tag]);
    compare.args(PUBLISHED.iter().flat_map(|name| ["--package", name]));
    if let Err(error) = quiet(&mut compare) {
        faults.push(format!("{version} is too small a step from {tag}, see above: {error}"));
    }
    Ok(Findings { told: format!("compared with {tag}"), faults, ..Findings::default() })
}

/// Finds that a version is out already, of which these crates changed since.
fn again(tag: &str, version: &str, changed: &[&str]) -> Option<String> {
    let again = tag == version && !changed.is_empty();
    again.then(|| format!("{version} is released, and since then changed {}", changed.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_released_once() {
        let told = "v1.0.0 is released, and since then changed graphite-proto";
        assert_eq!(again("v1.0.0", "v1.0.0", &["graphite-proto"]).unwrap(), told);
        assert_eq!(again("v1.0.0", "v1.0.0", &[]), None);
        assert_eq!(again("v1.0.0", "v1.0.1", &["graphite-proto"]), None);
    }
}
