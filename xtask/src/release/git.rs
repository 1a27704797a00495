//! What git knows of releases: the last one, what changed since, and what is in none yet.
//! Not here: what follows from it, which the checks say.

use std::process::Command;

use crate::Result;
use crate::command::output;
use crate::workspace::root;

/// Returns the tag of the last release that this tree comes from, `v1.2.3`.
pub(super) fn last_release() -> Result<Option<String>> {
    Ok(newest(&git(&["tag", "--merged", "HEAD", "--list", "v*"])?))
}

/// Returns the files that changed since a commit or tag, by their path from the top.
pub(super) fn changed(since: &str) -> Result<String> {
    git(&["diff", "--name-only", since])
}

/// Returns the files that differ from what is committed.
pub(super) fn uncommitted() -> Result<Vec<String>> {
    let text = git(&["status", "--porcelain"])?;
    Ok(text.lines().filter_map(|line| line.get(3..)).map(str::to_owned).collect())
}

fn git(arguments: &[&str]) -> Result<String> {
    output(Command::new("git").current_dir(root()).args(arguments), "")
}

/// Returns the newest of some tags, without those that are no `v1.2.3`.
fn newest(tags: &str) -> Option<String> {
    tags.lines().max_by_key(|tag| version(tag)).filter(|tag| version(tag).is_some()).map(Into::into)
}

fn version(tag: &str) -> Option<[u64; 3]> {
    let parts = tag.strip_prefix('v')?.split('.').map(|part| part.parse().ok());
    parts.collect::<Option<Vec<_>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_release_is_found_among_other_tags() {
        assert_eq!(newest("v0.9.0\nv0.10.0\nv0.2.11\nvery\nv1\nv1.0.0-rc.1\n").unwrap(), "v0.10.0");
        assert_eq!(newest("very\nv1\n"), None);
        assert_eq!(newest(""), None);
    }
}
