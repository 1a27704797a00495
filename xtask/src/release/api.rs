//! Whose types stand in the public API: the next breaking version of one of those crates is one of
//! ours too, so that none may get there by accident, nor stay in the list when it has gone.
//!
//! The list is `[workspace.metadata.release.public-dependencies]` in Cargo.toml. What is held against
//! it is the JSON of rustdoc with all features, in which a name that stands in a signature, an `impl`
//! or a `pub use` has a number that leads to its crate. rustdoc gives it on a stable toolchain if
//! `RUSTC_BOOTSTRAP` allows that for the crates concerned: nothing has to be installed, as a nightly
//! and the tools upon it would. Little of its form is relied upon, and if that changes, the crates of
//! the list are told as gone. Not here: what is `doc(hidden)`, which is no API, the standard library,
//! and what a dependency itself lets through of others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Findings, PUBLISHED, folder};
use crate::Result;
use crate::command::output;
use crate::workspace::{cargo, metadata, read};

const STANDARD: [&str; 5] = ["std", "core", "alloc", "proc_macro", "test"];

pub(super) fn check() -> Result<Findings> {
    let metadata = metadata()?;
    let mut all = BTreeSet::new();
    let mut faults = Vec::new();
    for name in PUBLISHED {
        let listed = listed(&metadata, name)?;
        let found = foreign(&documentation(name)?)?;
        faults.extend(differences(name, &listed, &found));
        all.extend(found.into_keys());
    }
    let told = format!("{} crates in the public API", all.len());
    Ok(Findings { told, faults, ..Findings::default() })
}

/// Returns the crates that may stand in the API of this one.
fn listed<'a>(metadata: &'a Value, name: &str) -> Result<Vec<&'a str>> {
    let list = metadata["metadata"]["release"]["public-dependencies"][name].as_array();
    let list = list.ok_or_else(|| format!("Cargo.toml lists no public-dependencies of {name}"))?;
    Ok(list.iter().filter_map(Value::as_str).collect())
}

/// Returns what rustdoc tells of a crate.
fn documentation(name: &str) -> Result<Value> {
    let folder = folder()?;
    let mut rustdoc = cargo(["rustdoc", "--quiet", "--lib", "--all-features", "--package", name]);
    rustdoc.args(["--", "-Z", "unstable-options", "--output-format", "json"]);
    // Allowed for ours alone: to others it would be another compiler.
    rustdoc.env("RUSTC_BOOTSTRAP", PUBLISHED.map(code_name).join(","));
    output(rustdoc.env("CARGO_TARGET_DIR", &folder), "")?;
    let file = folder.join("doc").join(code_name(name)).with_extension("json");
    Ok(serde_json::from_str(&read(&file)?)?)
}

/// Returns how Rust code calls a crate.
fn code_name(name: &str) -> String {
    name.replace('-', "_")
}

/// Returns the crates of which something stands in a documentation, with one such thing.
fn foreign(documentation: &Value) -> Result<BTreeMap<String, String>> {
    let index = documentation["index"].as_object().ok_or("rustdoc's JSON has no index")?;
    let mut found = BTreeMap::new();
    for item in index.values() {
        let inner = &item["inner"];
        let block = &inner["impl"];
        // What the compiler concludes, and what others implement for everything, is not written here.
        let ours = block["is_synthetic"] != true && block["blanket_impl"].is_null();
        if ours && item["crate_id"] == 0 {
            collect(documentation, inner, &mut found);
        }
    }
    Ok(found)
}

/// Collects the crates that part of an item names.
fn collect(documentation: &Value, part: &Value, found: &mut BTreeMap<String, String>) {
    match part {
        Value::Object(parts) => {
            // Types and traits have a path, and what is re-exported has a source.
            if parts.contains_key("path") || parts.contains_key("source") {
                found.extend(owner(documentation, &part["id"]));
            }
            parts.values().for_each(|part| collect(documentation, part, found));
        }
        Value::Array(parts) => parts.iter().for_each(|part| collect(documentation, part, found)),
        _ => {}
    }
}

/// Returns the crate that something is from, unless it is this one or the standard library.
fn owner(documentation: &Value, id: &Value) -> Option<(String, String)> {
    let summary = &documentation["paths"][id.to_string()];
    // That of ours is 0, and has no name.
    let number = summary["crate_id"].to_string();
    let owner = documentation["external_crates"][number]["name"].as_str()?;
    let path: Vec<_> = summary["path"].as_array()?.iter().filter_map(Value::as_str).collect();
    (!STANDARD.contains(&owner)).then(|| (owner.to_owned(), path.join("::")))
}

/// Finds where the list and the API differ.
fn differences(name: &str, listed: &[&str], found: &BTreeMap<String, String>) -> Vec<String> {
    let new = found.iter().filter(|(owner, _)| !listed.contains(&owner.as_str()));
    let new = new.map(|(owner, path)| format!("{name} shows {path}, and does not list {owner}"));
    let gone = listed.iter().filter(|owner| !found.contains_key(**owner));
    new.chain(gone.map(|owner| format!("{name} lists {owner}, and shows nothing of it"))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An item whose signature holds a type, as rustdoc tells it.
    fn signature(id: u32) -> Value {
        let output = json!({"resolved_path": {"path": "a", "id": id, "args": null}});
        json!({"function": {"sig": {"inputs": [], "output": output}}})
    }

    fn block(id: u32, blanket: Value, synthetic: bool) -> Value {
        let foreign = json!({"path": "Sink", "id": id, "args": null});
        json!({"impl": {"trait": foreign, "blanket_impl": blanket, "is_synthetic": synthetic}})
    }

    fn found_in(crate_id: u32, inner: &Value) -> Vec<String> {
        let documentation = json!({
            "index": {"7": {"crate_id": crate_id, "inner": inner, "links": {"Sink": 3}}},
            "paths": {
                "1": {"crate_id": 0, "path": ["ours", "Client"]},
                "2": {"crate_id": 1, "path": ["core", "option", "Option"]},
                "3": {"crate_id": 5, "path": ["futures_sink", "Sink"]},
            },
            "external_crates": {"1": {"name": "core"}, "5": {"name": "futures_sink"}},
        });
        foreign(&documentation).unwrap().into_values().collect()
    }

    #[test]
    fn a_foreign_name_in_the_api_is_found() {
        let boxed = json!({"a": [{"generic_args": signature(3)}]});
        let module = json!({"use": {"source": "futures_sink", "name": "sink", "id": 3}});
        let public = block(3, json!(null), false);
        for inner in [signature(3), boxed, module, public] {
            assert_eq!(found_in(0, &inner), ["futures_sink::Sink"], "{inner}");
            assert_eq!(found_in(5, &inner), [""; 0], "not of ours: {inner}");
        }
    }

    #[test]
    fn what_is_ours_or_nobodys_is_not() {
        let blanket = block(3, json!({"generic": "T"}), false);
        let synthetic = block(3, json!(null), true);
        let primitive = json!({"use": {"source": "u8", "name": "u8", "id": null}});
        for inner in [signature(1), signature(2), signature(9), blanket, synthetic, primitive] {
            assert_eq!(found_in(0, &inner), [""; 0], "{inner}");
        }
        assert!(foreign(&json!({})).is_err());
    }

    #[test]
    fn a_crate_that_comes_or_goes_unlisted_is_told() {
        let found = BTreeMap::from([("tokio".to_owned(), "tokio::io::AsyncRead".to_owned())]);
        assert_eq!(differences("ours", &["tokio"], &found), [""; 0]);
        let new = "ours shows tokio::io::AsyncRead, and does not list tokio";
        assert_eq!(differences("ours", &[], &found), [new]);
        let gone = "ours lists metrics, and shows nothing of it";
        assert_eq!(differences("ours", &["tokio", "metrics"], &found), [gone]);
    }

    #[test]
    fn this_workspace_has_a_list_for_each_crate() {
        let metadata = metadata().unwrap();
        for name in PUBLISHED {
            listed(&metadata, name).unwrap();
        }
    }
}
