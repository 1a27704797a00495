//! The table of complaints on the client layer's page names tests that are there and run.
//!
//! Not here: whether they prove it, which takes a reader.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test has no users, and may fail")]

use std::path::{Path, PathBuf};

const SECTION: &str = "//! # What users of other senders complain about\n";
/// The folder of the shared suite, which these include by its `mod.rs`.
const SUITE: &str = "graphite-proto/tests/client";
const RUNTIMES: [&str; 4] = [
    "graphite-client-tokio/tests/client.rs",
    "graphite-client-tokio/tests/single_thread.rs",
    "graphite-client-async-std/tests/client.rs",
    "graphite-proto/tests/smol.rs",
];

fn read(path: impl AsRef<Path>) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the tests that each row of the table names, `module::test`.
fn named(page: &str) -> Result<Vec<Vec<String>>, String> {
    let section = page.split_once(SECTION).ok_or("there is no section")?.1;
    let rows = section.lines().skip_while(|line| !line.starts_with("//! |---|"));
    let rows = rows.skip(1).map_while(|line| line.strip_prefix("//! |"));
    let mut tests = Vec::new();
    for (index, row) in rows.enumerate() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [number, complaint, here, cell, ""] = cells[..] else {
            return Err(format!("row {row:?} has not four cells"));
        };
        if number != (index + 1).to_string() || complaint.is_empty() || here.is_empty() {
            return Err(format!("row {row:?} is not the {}th, or has an empty cell", index + 1));
        }
        let names = cell.split_whitespace();
        let names = names.map(|name| Some(name.strip_prefix('`')?.strip_suffix('`')?.to_owned()));
        let names: Option<Vec<String>> = names.collect();
        tests.push(
            names.filter(|names| !names.is_empty()).ok_or_else(|| format!("no test in {row:?}"))?,
        );
    }
    Ok(tests)
}

/// Returns the attributes right above an item, or nothing if there is no such item.
fn attributes<'t>(text: &'t str, item: &str) -> Option<Vec<&'t str>> {
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.starts_with(item))?;
    Some(lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).copied().collect())
}

/// Says what keeps a test from running on every runtime, by the texts of the suite's `mod.rs`, of
/// the test's file, and of the manifest by whose features the workspace's tests are built.
fn fault(name: &str, suite: &str, file: &str, manifest: &str) -> Option<String> {
    let (module, test) = name.split_once("::")?;
    let Some(gates) = attributes(suite, &format!("mod {module};")) else {
        return Some(format!("{name}: the suite has no such module"));
    };
    for gate in gates {
        let feature =
            gate.strip_prefix("#[cfg(feature = ").and_then(|gate| gate.strip_suffix(")]"));
        let on = |adapter: &&str| feature.is_some_and(|feature| adapter.contains(feature));
        let adapters = manifest.lines().filter(|line| line.starts_with("graphite-client-"));
        if adapters.filter(|adapter| on(adapter)).count() != 2 {
            return Some(format!("{name}: {gate} is not what the workspace is built by"));
        }
    }
    match attributes(file, &format!("fn {test}() {{")) {
        None => Some(format!("{name}: there is no such function")),
        Some(attributes) if attributes == ["#[test]"] => None,
        Some(attributes) => Some(format!("{name}: {attributes:?} is not a test and no more")),
    }
}

#[test]
fn each_complaint_has_a_test_that_runs_on_every_runtime() {
    let rows = named(&read("graphite-proto/src/client.rs")).unwrap();
    assert_eq!(rows.len(), 15);
    let (suite, manifest) = (read(format!("{SUITE}/mod.rs")), read("xtask/Cargo.toml"));
    let mut faults = Vec::new();
    for name in rows.concat() {
        let (module, _) = name.split_once("::").expect("a test is named by its module");
        let file = read(format!("{SUITE}/{module}.rs"));
        faults.extend(fault(&name, &suite, &file, &manifest));
    }
    assert!(faults.is_empty(), "{faults:#?}");
    for runtime in RUNTIMES {
        let text = read(runtime);
        let gates = attributes(&text, "mod suite;").unwrap();
        let path = gates.first().unwrap().strip_prefix("#[path = \"").unwrap();
        let path = path.strip_suffix("\"]").unwrap();
        let included = Path::new(runtime).parent().unwrap().join(path);
        assert!(gates.len() == 1 && read(included) == suite, "{runtime}: {gates:?}");
    }
}

#[test]
fn a_planted_fault_is_found() {
    let suite = "mod always;\n#[cfg(feature = \"tls\")]\nmod gated;\n";
    let file =
        "#[test]\nfn real() {\n}\n\n#[test]\n#[ignore]\nfn idle() {\n}\n\nfn helper() {\n}\n";
    let both = "graphite-client-a = { features = [\"tls\"] }\ngraphite-client-b = { features = \
                [\"tls\"] }\n";
    let fault = |name, manifest| fault(name, suite, file, manifest).is_some();
    assert!(!fault("always::real", ""));
    for name in ["always::misspelt", "always::idle", "always::helper", "absent::real"] {
        assert!(fault(name, both), "{name}");
    }
    assert!(!fault("gated::real", both));
    assert!(fault("gated::real", both.lines().next().unwrap()));
}

#[test]
fn a_table_that_is_not_in_order_is_refused() {
    let table = |rows: &str| named(&format!("{SECTION}//!\n//! | | a |\n//! |---|---|\n{rows}"));
    assert_eq!(table("//! | 1 | a | b | `c::d` `c::e` |\n//!\n").unwrap(), [["c::d", "c::e"]]);
    for rows in [
        "//! | 2 | a | b | `c::d` |\n",
        "//! | 1 | a | b |\n",
        "//! | 1 | a | b | |\n",
        "//! | 1 | a |  | `c::d` |\n",
        "//! | 1 | a | b | c::d |\n",
    ] {
        assert!(table(rows).is_err(), "{rows}");
    }
    assert!(named("//! # Defaults\n").is_err());
}
