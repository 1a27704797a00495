//! What is in the packages, and that it is enough: each builds by itself, its examples too, and what
//! its pages say runs. Not here: what a package does, which its tests in the repository tell.

use std::process::Command;

use super::{Findings, PUBLISHED, folder, git, versions};
use crate::Result;
use crate::command::{output, quiet};
use crate::workspace::{cargo, metadata, root, target};

/// What every package holds.
const WANTED: [&str; 4] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT", "src/lib.rs"];

/// What needs the rest of the repository.
const UNWANTED: [&str; 3] = ["tests/", "benches/", "fuzz/"];

/// What does not: the examples of the pages run on it.
const PAGE: &str = "tests/page/";

pub(super) fn check() -> Result<Findings> {
    let mut faults = dirt(&git::uncommitted()?);
    for name in PUBLISHED {
        faults.extend(contents(name, &list(name)?));
    }
    let steps =
        [("by itself", package as fn() -> Result), ("with its examples and pages", unpacked)];
    for (what, step) in steps {
        if let Err(error) = step() {
            faults.push(format!("a package does not build {what}, see above: {error}"));
            break;
        }
    }
    let told = "built from what is in them, with examples and pages".to_owned();
    Ok(Findings { told, faults, ..Findings::default() })
}

/// Finds that what would be published is in no commit.
fn dirt(uncommitted: &[String]) -> Vec<String> {
    let named = uncommitted.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    match uncommitted.len() {
        0 => vec![],
        count => vec![format!("not committed, {count} in all: {named}")],
    }
}

/// Returns the files of a package, a line each.
fn list(name: &str) -> Result<String> {
    let words = ["package", "--list", "--allow-dirty", "--quiet", "--package", name];
    output(&mut cargo(words), "")
}

/// Finds what a package holds and should not, or does not and should.
fn contents(name: &str, files: &str) -> Vec<String> {
    let missing = WANTED.into_iter().filter(|wanted| !files.lines().any(|file| file == *wanted));
    let missing = missing.map(|file| format!("{name}: its package does not hold {file}"));
    let holds = |folder: &str| {
        files.lines().any(|file| file.starts_with(folder) && !file.starts_with(PAGE))
    };
    let other = UNWANTED.into_iter().filter(|folder| holds(folder));
    missing.chain(other.map(|folder| format!("{name}: its package holds {folder}"))).collect()
}

/// Makes the packages, of which cargo builds each with what is in it and no feature.
fn package() -> Result {
    // That something is not committed is told already.
    let mut package = cargo(["package", "--allow-dirty", "--quiet"]);
    quiet(package.args(PUBLISHED.iter().flat_map(|name| ["--package", name])))
}

/// Builds the examples of each unpacked package, without features and with all, and runs the examples
/// of its pages. One by one, since what one package asks for would be there for the others too.
fn unpacked() -> Result {
    let metadata = metadata()?;
    let version = versions::version(&metadata);
    let folder = folder()?.join("packages");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    for name in PUBLISHED {
        let file = target()?.join(format!("package/{name}-{version}.crate"));
        quiet(Command::new("tar").arg("-xzf").arg(file).arg("-C").arg(&folder))?;
    }
    std::fs::write(folder.join("Cargo.toml"), workspace(version))?;
    std::fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    for name in PUBLISHED {
        for words in [
            &["build", "--examples"] as &[_],
            &["build", "--examples", "--all-features"],
            &["test", "--doc", "--all-features"],
        ] {
            let mut command = cargo(words);
            command.args(["--quiet", "--package", name]).current_dir(&folder);
            quiet(command.env("CARGO_TARGET_DIR", super::folder()?))?;
        }
    }
    Ok(())
}

/// Returns the manifest that has the unpacked packages find each other.
fn workspace(version: &str) -> String {
    let members = PUBLISHED.map(|name| format!("\"{name}-{version}\"")).join(", ");
    let patches = PUBLISHED.map(|name| format!("{name} = {{ path = \"{name}-{version}\" }}\n"));
    let patches = patches.concat();
    format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n[patch.crates-io]\n{patches}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn these_packages_hold_what_they_should() {
        for name in PUBLISHED {
            assert_eq!(contents(name, &list(name).unwrap()), [""; 0]);
        }
    }

    #[test]
    fn what_is_missing_in_a_package_or_too_much_is_found() {
        let sound = format!("{}\nsrc/client/tests/a.rs\n{PAGE}b.rs\n", WANTED.join("\n"));
        assert_eq!(contents("ours", &sound), [""; 0]);
        for wanted in WANTED {
            let without = sound.replace(wanted, "other");
            assert_eq!(
                contents("ours", &without),
                [format!("ours: its package does not hold {wanted}")]
            );
        }
        for file in ["tests/a.rs", "benches/b.rs", "fuzz/Cargo.toml"] {
            assert_eq!(contents("ours", &format!("{sound}{file}\n")).len(), 1, "{file}");
        }
    }

    #[test]
    fn what_is_not_committed_is_told_with_some_of_its_names() {
        assert_eq!(dirt(&[]), [""; 0]);
        let files: Vec<_> = (0..9).map(|number| format!("{number}.rs")).collect();
        let told = "not committed, 9 in all: 0.rs, 1.rs, 2.rs, 3.rs, 4.rs";
        assert_eq!(dirt(&files), [told]);
    }
}
