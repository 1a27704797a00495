//! One version for all, and everything in the manifests that a published crate must say of itself.
//! Not here: the minimum supported Rust of the other crates, which is a step of `cargo xtask test`.

use serde_json::Value;

use super::{Findings, PUBLISHED};
use crate::Result;
use crate::workspace::{manifests, metadata};

/// What a published crate must say, by cargo's own words.
const TEXTS: [&str; 5] = ["description", "license", "readme", "documentation", "rust_version"];

/// What it must say some of, and how many the registry takes.
const LISTS: [(&str, usize); 2] = [("categories", 5), ("keywords", 5)];

/// What it inherits.
const INHERITED: [&str; 2] = ["version.workspace = true", "rust-version.workspace = true"];

pub(super) fn check() -> Result<Findings> {
    Ok(findings(&metadata()?, &manifests()?))
}

/// Returns the version that a published crate has.
pub(super) fn version(metadata: &Value) -> &str {
    package(metadata, PUBLISHED[0]).and_then(|package| package["version"].as_str()).unwrap_or("?")
}

fn findings(metadata: &Value, manifests: &[(String, String)]) -> Findings {
    let version = version(metadata);
    let mut findings = Findings {
        told: format!("{} crates, version {version}", PUBLISHED.len()),
        ..Findings::default()
    };
    let mut homeless = false;
    for name in PUBLISHED {
        let Some(package) = package(metadata, name) else {
            findings.faults.push(format!("{name} is no member of the workspace"));
            continue;
        };
        let faults = said(package).chain(needed(package, version));
        findings.faults.extend(faults.map(|fault| format!("{name}: {fault}")));
        homeless |= package["repository"].is_null();
    }
    findings.faults.extend(manifests.iter().flat_map(|(path, text)| manifest(path, text)));
    if homeless {
        findings.todo.push(
            "`repository`, the public address, in [workspace.package] and, inherited, in each crate"
                .to_owned(),
        );
    }
    findings
}

fn package<'a>(metadata: &'a Value, name: &str) -> Option<&'a Value> {
    metadata["packages"].as_array()?.iter().find(|package| package["name"] == name)
}

/// Finds what a crate does not say of itself.
fn said(package: &Value) -> impl Iterator<Item = String> {
    let name = package["name"].as_str().unwrap_or_default();
    let texts = TEXTS.into_iter().filter(|key| package[*key].as_str().is_none_or(str::is_empty));
    let texts = texts.map(|key| format!("no {key}"));
    let lists = LISTS.into_iter().filter_map(|(key, most)| {
        let count = package[key].as_array().map_or(0, Vec::len);
        (count == 0 || count > most).then(|| format!("{count} {key}, must be 1 to {most}"))
    });
    let page = package["documentation"] != format!("https://docs.rs/{name}");
    let page = page.then(|| "documentation is not its page at docs.rs".to_owned());
    let features = package["metadata"]["docs"]["rs"]["all-features"] != true;
    let features = features.then(|| "docs.rs would not show all features".to_owned());
    let private = !package["publish"].is_null();
    let private = private.then(|| "must be published, and says where it may not be".to_owned());
    texts.chain(lists).chain(page).chain(features).chain(private)
}

/// Finds dependencies on other members that a registry could not answer with this version.
fn needed<'a>(package: &'a Value, version: &'a str) -> impl Iterator<Item = String> + 'a {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.filter(|dependency| dependency["path"].is_string()).filter_map(move |dependency| {
        let name = dependency["name"].as_str().unwrap_or_default();
        let wanted = dependency["req"].as_str().unwrap_or_default();
        if PUBLISHED.contains(&name) {
            let other = wanted != format!("^{version}");
            other.then(|| format!("wants {name} {wanted}, must be ^{version}"))
        } else {
            // cargo leaves out of a package what only tests want by its path.
            let kept = dependency["kind"] != "dev" || wanted != "*";
            kept.then(|| format!("depends on {name}, which is not published"))
        }
    })
}

/// Finds what a manifest must say by itself, inherited or not.
fn manifest(path: &str, text: &str) -> Vec<String> {
    let holds = |wanted: &str| text.lines().any(|line| line == wanted);
    if !PUBLISHED.iter().any(|name| holds(&format!("name = \"{name}\""))) {
        let private = holds("publish = false");
        return if private { vec![] } else { vec![format!("{path}: no `publish = false`")] };
    }
    let missing = INHERITED.into_iter().filter(|line| !holds(line));
    missing.map(|line| format!("{path}: no `{line}`")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn this_workspace_could_be_published() {
        assert_eq!(check().unwrap().faults, [""; 0]);
    }

    fn sound() -> Value {
        let packages = PUBLISHED.map(|name| {
            json!({
                "name": name, "version": "1.2.3", "description": "x", "license": "MIT",
                "readme": "README.md", "documentation": format!("https://docs.rs/{name}"),
                "rust_version": "1.88", "categories": ["a"], "keywords": ["b"], "publish": null,
                "repository": "x", "metadata": {"docs": {"rs": {"all-features": true}}},
                "dependencies": [
                    {"name": PUBLISHED[0], "req": "^1.2.3", "path": "/x", "kind": null},
                    {"name": "tokio", "req": "^1.0.0", "kind": null},
                    {"name": "helper", "req": "*", "path": "/x", "kind": "dev"},
                ],
            })
        });
        json!({ "packages": packages })
    }

    #[test]
    fn what_a_published_crate_must_have_is_found_missing() {
        assert_eq!(findings(&sound(), &[]).faults, [""; 0]);
        let dependency = "/dependencies/0/";
        for (key, planted, told) in [
            ("/description", json!(""), "no description"),
            ("/license", json!(null), "no license"),
            ("/readme", json!(null), "no readme"),
            ("/documentation", json!("https://docs.rs/x"), "documentation"),
            ("/rust_version", json!(null), "no rust_version"),
            ("/categories", json!([]), "0 categories"),
            ("/keywords", json!(["a", "b", "c", "d", "e", "f"]), "6 keywords"),
            ("/publish", json!([]), "must be published"),
            ("/metadata", json!(null), "all features"),
            (&format!("{dependency}req"), json!("^1.2.2"), "wants graphite-encoder ^1.2.2"),
            (&format!("{dependency}name"), json!("xtask"), "depends on xtask"),
            ("/dependencies/2/kind", json!(null), "depends on helper"),
            ("/dependencies/2/req", json!("^0.1.0"), "depends on helper"),
            ("/name", json!("other"), "graphite-proto is no member"),
        ] {
            let mut metadata = sound();
            *metadata["packages"][1].pointer_mut(key).unwrap() = planted;
            let faults = findings(&metadata, &[]).faults.join("\n");
            assert!(faults.contains("graphite-proto") && faults.contains(told), "{key}: {faults}");
        }
    }

    #[test]
    fn a_version_of_its_own_is_found_and_so_is_a_crate_that_could_be_published() {
        let ours = "name = \"graphite-proto\"\n";
        let sound = format!("{ours}{}\n", INHERITED.join("\n"));
        assert_eq!(manifest("a", &sound), [""; 0]);
        let own = sound.replace("version.workspace = true", "version = \"1.0.0\"");
        assert_eq!(manifest("a", &own).len(), 2, "{own}");
        assert_eq!(manifest("a", "name = \"tool\"\npublish = false\n"), [""; 0]);
        assert_eq!(manifest("a", "name = \"tool\"\n"), ["a: no `publish = false`"]);
    }

    #[test]
    fn an_address_that_is_not_known_is_left_to_the_releaser() {
        let mut metadata = sound();
        assert_eq!(findings(&metadata, &[]).todo, [""; 0]);
        metadata["packages"][2]["repository"] = json!(null);
        let findings = findings(&metadata, &[]);
        assert_eq!((findings.todo.len(), findings.faults.len()), (1, 0));
    }
}
