//! CHANGELOG.md: the version that is to be released stands there, with every crate that changed.
//!
//! Its form is that of Keep a Changelog, by crate: `## Unreleased` or `## 1.2.3 - 2026-01-31`, below
//! it `### crate, crate`, below that `- Added: ...`. Not here: whether an entry is true.

use super::{Findings, PUBLISHED, git, versions};
use crate::Result;
use crate::workspace::{metadata, read, root};

const UNRELEASED: &str = "Unreleased";

/// What is in no crate.
const REPOSITORY: &str = "The repository";

const KINDS: [&str; 6] = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

/// What of a crate a change must be told of. Its tests are in no package.
const TOLD: [&str; 3] = ["Cargo.toml", "src/", "README.md"];

pub(super) fn check() -> Result<Findings> {
    let text = text()?;
    let mut findings = match git::last_release()? {
        Some(tag) => {
            release(&text, versions::version(&metadata()?), &changed(&git::changed(&tag)?))
        }
        None => release(&text, versions::version(&metadata()?), &PUBLISHED),
    };
    findings.faults.extend(form(&text));
    Ok(findings)
}

fn text() -> Result<String> {
    read(&root().join("CHANGELOG.md"))
}

/// Returns the crates of which a file is among these.
pub(super) fn changed(files: &str) -> Vec<&'static str> {
    let of = |name: &&str| {
        let paths = TOLD.map(|part| format!("{name}/{part}"));
        files.lines().any(|file| paths.iter().any(|path| file.starts_with(path)))
    };
    PUBLISHED.into_iter().filter(of).collect()
}

/// Finds what a release of a version lacks, of which these crates changed.
fn release(text: &str, version: &str, changed: &[&str]) -> Findings {
    let find = |title: &str| sections(text).find(|section| section.version() == title);
    let unreleased = find(UNRELEASED).filter(|section| !section.entries().is_empty());
    let released = find(version);
    let mut findings = Findings::default();
    let section = match (&unreleased, &released) {
        (Some(_), Some(_)) => {
            findings.faults.push(format!("{version} and {UNRELEASED} both have entries"));
            return findings;
        }
        (Some(section), None) => {
            findings.todo.push(format!("call the section {UNRELEASED} `{version} - DATE`"));
            section
        }
        (None, Some(section)) => section,
        (None, None) => {
            findings.faults.push(format!("neither {version} nor {UNRELEASED} has entries"));
            return findings;
        }
    };
    findings.told = format!("{} entries in {}", section.entries().len(), section.version());
    let named = section.crates();
    let silent = changed.iter().filter(|name| !named.contains(name));
    let faults = silent.map(|name| format!("{name} changed and is not in {}", section.version()));
    findings.faults.extend(faults);
    findings
}

/// Finds what is not as the file is to be written.
fn form(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for section in sections(text) {
        let Section { title, lines } = &section;
        if *title != UNRELEASED && !is_dated(title) {
            faults.push(format!("`## {title}` is neither {UNRELEASED} nor `1.2.3 - 2026-01-31`"));
        }
        let mut heading: Option<(&str, usize)> = None;
        for line in lines {
            if let Some(crates) = line.strip_prefix("### ") {
                faults.extend(empty(title, heading));
                heading = Some((crates, 0));
                let unknown = crates.split(", ").filter(|name| !is_known(name));
                faults.extend(unknown.map(|name| format!("{title}: `{name}` is no crate here")));
            } else if let Some(entry) = line.strip_prefix("- ") {
                match &mut heading {
                    Some((_, count)) => *count += 1,
                    None => faults.push(format!("{title}: `{line}` is below no crate")),
                }
                if !has_kind(entry) {
                    faults.push(format!("{title}: `{line}` begins with none of {KINDS:?}"));
                }
            } else if !line.is_empty() && !line.starts_with("  ") {
                faults.push(format!("{title}: `{line}` is in no entry"));
            }
        }
        faults.extend(empty(title, heading));
    }
    faults
}

fn empty(title: &str, heading: Option<(&str, usize)>) -> Option<String> {
    let (crates, _) = heading.filter(|(_, count)| *count == 0)?;
    Some(format!("{title}: `### {crates}` has no entry"))
}

fn is_known(name: &str) -> bool {
    name == REPOSITORY || PUBLISHED.contains(&name)
}

fn has_kind(entry: &str) -> bool {
    KINDS.iter().any(|kind| {
        let rest = entry.strip_prefix(kind).unwrap_or_default();
        rest.starts_with(": ") || rest.starts_with(" (breaking): ")
    })
}

/// Returns whether a title is `1.2.3 - 2026-01-31`.
fn is_dated(title: &str) -> bool {
    let numbers = |text: &str, mark, count| {
        let parts: Vec<_> = text.split(mark).collect();
        parts.len() == count && parts.iter().all(|part| part.parse::<u32>().is_ok())
    };
    let parts = title.split_once(" - ");
    parts.is_some_and(|(version, date)| {
        numbers(version, '.', 3) && date.len() == 10 && numbers(date, '-', 3)
    })
}

/// What stands below a `## title`.
struct Section<'a> {
    title: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Section<'a> {
    fn version(&self) -> &'a str {
        self.title.split(' ').next().unwrap_or_default()
    }

    fn entries(&self) -> Vec<&'a str> {
        self.lines.iter().filter(|line| line.starts_with("- ")).copied().collect()
    }

    fn crates(&self) -> Vec<&'a str> {
        let headings = self.lines.iter().filter_map(|line| line.strip_prefix("### "));
        headings.flat_map(|crates| crates.split(", ")).collect()
    }
}

fn sections(text: &str) -> impl Iterator<Item = Section<'_>> {
    text.split("\n## ").skip(1).map(|section| {
        let mut lines = section.lines();
        Section { title: lines.next().unwrap_or_default(), lines: lines.collect() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_changelog_has_its_form() {
        let text = text().unwrap();
        assert_eq!(form(&text), [""; 0]);
        assert!(sections(&text).any(|section| !section.entries().is_empty()));
    }

    const SOUND: &str = "# Changelog\n\n## Unreleased\n\n### graphite-proto, graphite-encoder\n\n\
        - Added: a\n  thing.\n- Changed (breaking): b.\n\n## 0.1.0 - 2026-01-31\n\n\
        ### The repository\n\n- Fixed: c.\n";

    #[test]
    fn what_is_not_in_its_form_is_found() {
        assert_eq!(form(SOUND), [""; 0]);
        for (sound, planted, told) in [
            ("Unreleased", "unreleased", "neither Unreleased"),
            ("0.1.0 - 2026-01-31", "0.1.0", "`## 0.1.0`"),
            ("0.1.0 - 2026-01-31", "0.1 - 2026-01-31", "`## 0.1 - "),
            ("0.1.0 - 2026-01-31", "0.1.0 - 31.1.2026", "31.1.2026"),
            ("graphite-encoder", "graphite-decoder", "`graphite-decoder` is no crate"),
            ("- Fixed: c.", "- Mended: c.", "`- Mended: c.` begins"),
            ("- Fixed: c.", "- Fixed c.", "`- Fixed c.` begins"),
            ("- Fixed: c.", "", "`### The repository` has no entry"),
            ("- Fixed: c.", "Fixed: c.", "`Fixed: c.` is in no entry"),
            ("### The repository", "", "below no crate"),
        ] {
            let faults = form(&SOUND.replacen(sound, planted, 1)).join("\n");
            assert!(faults.contains(told), "{planted}: {faults}");
        }
    }

    #[test]
    fn a_release_needs_entries_for_every_crate_that_changed() {
        let ours = ["graphite-proto", "graphite-encoder"];
        let sound = release(SOUND, "0.2.0", &ours);
        assert_eq!((sound.faults.len(), sound.todo.len()), (0, 1), "{sound:?}");
        let named = release(&SOUND.replace("Unreleased", "0.2.0 - 2026-03-01"), "0.2.0", &ours);
        assert_eq!((named.faults.len(), named.todo.len()), (0, 0), "{named:?}");
        for (version, changed, told) in [
            ("0.2.0", "graphite-client-tokio", "graphite-client-tokio changed and is not in"),
            ("0.1.0", "graphite-proto", "0.1.0 and Unreleased both have entries"),
        ] {
            let faults = release(SOUND, version, &[changed]).faults;
            assert!(faults.join("\n").contains(told), "{faults:?}");
        }
        let empty = "# Changelog\n\n## Unreleased\n\n## 0.1.0 - 2026-01-31\n";
        assert_eq!(release(empty, "0.2.0", &[]).faults.len(), 1);
    }

    #[test]
    fn a_crate_changes_with_what_is_in_its_package() {
        let files = "graphite-proto/tests/a.rs\ngraphite-encoder/src/lib.rs\nxtask/src/main.rs\n\
            graphite-client-tokio/README.md\n";
        assert_eq!(changed(files), ["graphite-encoder", "graphite-client-tokio"]);
    }
}
