//! `cargo xtask purity`: graphite-proto and graphite-encoder know no runtime, socket, clock or
//! thread, and their rooms are built one upon the other.
//!
//! By their dependency trees, bare and with the client layer, by the lint file that clippy
//! enforces, and by the words of their sources, which also catches what a lint cannot name. What a
//! room imports is looked at in `rooms.rs`. Not here: the enforcing of the lint file, which is
//! clippy's own step.

mod rooms;

use std::path::Path;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use crate::Result;
use crate::command::output;
use crate::workspace::{PURE, cargo, read, root, rust_files};

/// Crates that bring a runtime, a socket, a clock or the system's randomness.
const BANNED_CRATES: &[&str] = &[
    "async-executor",
    "async-global-executor",
    "async-io",
    "async-net",
    "async-std",
    "blocking",
    "chrono",
    "fastrand",
    "futures-executor",
    "getrandom",
    "hyper",
    "libc",
    "mio",
    "polling",
    "quanta",
    "rand",
    "ring",
    "rustix",
    "rustls-native-certs",
    "smol",
    "socket2",
    "time",
    "tokio",
];

/// Crates that have no place where nothing waits: traits and channels of asynchronous code.
const ASYNC_CRATES: &[&str] =
    &["futures", "futures-channel", "futures-core", "futures-io", "futures-sink", "futures-util"];

/// Crates that come with a library's, which has uses for them that are not ours: the words by which
/// they would be used may not stand in the sources.
const UNUSED_CRATES: [(&str, &[&str]); 1] = [(
    "metrics-util",
    // The last two stand below quanta where it asks a browser for the time.
    &["getrandom", "libc", "quanta", "rand", "futures-core", "futures-util"],
)];

/// The forms in which the pure crates are built: with which features, and whether asynchronous
/// code has a place in it.
const FORMS: [(&str, &str, bool); 7] = [
    ("graphite-encoder", "", false),
    ("graphite-proto", "", false),
    ("graphite-proto", "client", true),
    ("graphite-proto", "metrics", false),
    ("graphite-proto", "client,metrics", true),
    ("graphite-proto", "tracing", true),
    ("graphite-proto", "rustls", true),
];

/// What the lint file must ban.
const LINT_BANS: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::hash::RandomState::new",
    "std::thread::sleep",
    "std::thread::spawn",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
];

/// Paths that may not stand in the sources, as their tokens.
const BANNED_PATHS: &[&[&str]] = &[
    &["std", "net"],
    &["std", "thread"],
    &["std", "process"],
    &["std", "fs"],
    &["std", "os"],
    &["time", "Instant"],
    &["std", "self"],
    &["futures", "executor"],
    &["Instant", "now"],
    &["SystemTime", "now"],
    &["UNIX_EPOCH", "elapsed"],
];

/// Words that may not stand in the sources: what is unsafe, what draws randomness from the system
/// or reads its clock, and what would give a crate another name.
const BANNED_WORDS: &[&str] = &[
    "unsafe",
    "RandomState",
    "HashMap",
    "HashSet",
    "extern",
    // Of metrics-util: an age by a clock, and samples that are drawn.
    "Recency",
    "AtomicSamplingReservoir",
];

/// Words that may stand in the client layer only.
const ASYNC_WORDS: &[&str] = &["async", "await"];

pub(crate) fn run() -> Result {
    let lints = read(&root().join("graphite-proto/.clippy.toml"))?;
    let mut faults = check_lints(&lints);
    for (name, features, asynchronous) in FORMS {
        faults.extend(check_tree(name, asynchronous, &tree(name, features)?));
    }
    for name in PURE {
        let src = root().join(name).join("src");
        let mut imports = Vec::new();
        for file in rust_files(&src)? {
            let inner = file.strip_prefix(&src).unwrap_or(&file);
            if is_test(inner) {
                continue;
            }
            let paths = paths(&file)?;
            for word in check_words(&paths, is_client_layer(inner)) {
                faults.push(format!("{name}/src/{} holds `{word}`", inner.display()));
            }
            imports.push((rooms::module(inner), paths));
        }
        let order = rooms::order(&read(&src.join("lib.rs"))?);
        faults.extend(rooms::check(name, &order, &imports));
    }
    if faults.is_empty() {
        println!("purity: {} hold no runtime, socket, clock or thread", PURE.join(" and "));
        return Ok(());
    }
    Err(format!("faults: {}\n  {}", faults.len(), faults.join("\n  ")).into())
}

/// Returns whether a file, by its path in `src`, is one of tests alone.
fn is_test(file: &Path) -> bool {
    file.with_extension("").iter().any(|part| part == "tests")
}

/// Returns whether a file, by its path in `src`, belongs to what is built with the feature alone.
fn is_client_layer(file: &Path) -> bool {
    file.starts_with("client") || file == Path::new("client.rs")
}

/// Returns the normal and build dependencies of a crate, a line each, indented by depth.
fn tree(name: &str, features: &str) -> Result<String> {
    let arguments = ["tree", "-p", name, "--features", features, "-e", "normal,build"];
    let arguments = arguments.into_iter().chain(["--prefix", "depth", "--target", "all"]);
    output(&mut cargo(arguments), "")
}

/// Finds banned crates in a tree, and says by which way they came.
fn check_tree(name: &str, asynchronous: bool, tree: &str) -> Vec<String> {
    let also = if asynchronous { &[] } else { ASYNC_CRATES };
    let mut way: Vec<&str> = Vec::new();
    let mut faults = Vec::new();
    for line in tree.lines() {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let (depth, rest) = line.split_at(digits);
        let krate = rest.split_whitespace().next().unwrap_or_default();
        way.truncate(depth.parse().unwrap_or(0));
        way.push(krate);
        let mut unused = UNUSED_CRATES.iter().filter(|(library, _)| way.contains(library));
        if unused.any(|(_, crates)| crates.contains(&krate)) {
            continue;
        }
        if BANNED_CRATES.iter().chain(also).any(|banned| *banned == krate) {
            faults.push(format!("{name} depends on {krate}: {}", way.join(" > ")));
        }
    }
    faults
}

fn check_lints(file: &str) -> Vec<String> {
    let missing = LINT_BANS.iter().filter(|path| !file.contains(&format!("\"{path}\"")));
    missing.map(|path| format!("graphite-proto/.clippy.toml does not ban {path}")).collect()
}

/// Returns the paths of a source, outside of comments, texts and its tests.
fn paths(file: &Path) -> Result<Vec<Vec<String>>> {
    let tokens: TokenStream =
        read(file)?.parse().map_err(|error| format!("{}: {error}", file.display()))?;
    let mut paths = Vec::new();
    collect_paths(tokens, &[], &mut paths);
    Ok(paths)
}

/// Finds banned words and paths among those of a source.
fn check_words(paths: &[Vec<String>], client_layer: bool) -> Vec<String> {
    let also = if client_layer { &[] } else { ASYNC_WORDS };
    // `#![forbid(unsafe_code)]` is another word.
    let words = BANNED_WORDS.iter().chain(also).map(|word| vec![*word]);
    let bans = words.chain(BANNED_PATHS.iter().map(|ban| ban.to_vec()));
    let holds = |ban: &Vec<&str>| {
        paths.iter().any(|path| path.windows(ban.len()).any(|found| found == ban.as_slice()))
    };
    bans.filter(holds).map(|ban| ban.join("::")).collect()
}

/// Lists the paths of a source, words joined by `::` or a dot; `a::{b, c::{d}}` gives `a::b` and
/// `a::c::d`, so that a path is found however it is written. What is for tests alone is left out.
fn collect_paths(tokens: TokenStream, before: &[String], paths: &mut Vec<Vec<String>>) {
    let mut path = before.to_vec();
    let mut joined = true;
    let mut skipping = false;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if skipping {
            skipping = match &token {
                TokenTree::Group(group) => group.delimiter() != Delimiter::Brace,
                TokenTree::Punct(mark) => mark.as_char() != ';',
                _ => true,
            };
            continue;
        }
        match token {
            TokenTree::Ident(word) => {
                if !joined {
                    paths.push(std::mem::replace(&mut path, before.to_vec()));
                }
                path.push(word.to_string());
            }
            TokenTree::Group(group) => {
                if joined {
                    collect_paths(group.stream(), &path, paths);
                    // It stands in those of the group.
                    path = before.to_vec();
                } else {
                    collect_paths(group.stream(), &[], paths);
                }
            }
            TokenTree::Punct(mark) => {
                skipping = mark.as_char() == '#' && tokens.peek().is_some_and(is_test_attribute);
                if mark.as_char() == '*' && joined && !path.is_empty() {
                    path.push("*".to_owned());
                }
                // A colon alone stands before a type: nothing is joined by it.
                let colons = mark.as_char() == ':' && mark.spacing() == Spacing::Joint;
                joined = mark.as_char() == '.' || (colons && is_colon(tokens.next().as_ref()));
                continue;
            }
            TokenTree::Literal(_) => {}
        }
        joined = false;
    }
    paths.push(path);
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(mark)) if mark.as_char() == ':')
}

fn is_test_attribute(token: &TokenTree) -> bool {
    let text: String = token.to_string().split_whitespace().collect();
    text == "[cfg(test)]"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_in(source: &str, client_layer: bool) -> Vec<String> {
        let mut paths = Vec::new();
        collect_paths(source.parse().unwrap(), &[], &mut paths);
        check_words(&paths, client_layer)
    }

    /// What is a fault in both forms, or in none.
    fn faults(source: &str) -> Vec<String> {
        let faults = faults_in(source, false);
        assert_eq!(faults, faults_in(source, true), "{source}");
        faults
    }

    #[test]
    fn a_clock_in_the_source_is_found() {
        for planted in [
            "fn f() { let t = std::time::Instant::now(); }",
            "use std::time::{Duration, Instant};",
            "use std::time::SystemTime; fn f() { SystemTime::now(); }",
            "use std::{fmt, thread};",
            "use std::net::TcpStream;",
            "use std::{fmt, time::{Duration, Instant}};",
            "use std::time::UNIX_EPOCH; fn f() { UNIX_EPOCH.elapsed(); }",
            "#[cfg(test)] mod tests; use std::net::TcpStream;",
            "#[cfg(not(test))] use std::fs;",
            "fn f() -> u64 { std::hash::RandomState::default().hash_one(0) }",
            "use std::collections::HashMap;",
            "fn f(stream: std::net::TcpStream) {}",
            "struct A { b: std::thread::Thread }",
            "use std::{self as s}; fn f() { s::thread::yield_now(); }",
            "extern crate std as s;",
            "fn f() { futures::executor::block_on(g()); }",
            "fn f() { unsafe { g() } }",
            "use metrics_util::registry::Recency;",
            "use metrics_util::storage::reservoir::AtomicSamplingReservoir;",
        ] {
            assert!(!faults(planted).is_empty(), "{planted}");
        }
    }

    #[test]
    fn asynchronous_code_has_its_place_in_the_client_layer_only() {
        for planted in ["async fn f() {}", "fn f() { async { g().await } }"] {
            assert!(!faults_in(planted, false).is_empty(), "{planted}");
            assert_eq!(faults_in(planted, true), [""; 0], "{planted}");
        }
        for (file, client_layer) in [
            ("client.rs", true),
            ("client/driver.rs", true),
            ("sender.rs", false),
            ("lib.rs", false),
        ] {
            assert_eq!(is_client_layer(Path::new(file)), client_layer, "{file}");
        }
    }

    #[test]
    fn words_in_comments_texts_and_tests_are_not() {
        let clean = "// std::net\n/// async\nfn f() -> &'static str { \"std::thread\" }\n";
        assert_eq!(faults(clean), [""; 0]);
        for test in ["#[cfg(test)]\nmod tests { use std::net; }", "#[cfg(test)] use std::net;"] {
            assert_eq!(faults(&format!("{clean}{test}")), [""; 0]);
        }
        assert_eq!(faults("use crate::instant::Instant; use std::time::Duration;"), [""; 0]);
    }

    #[test]
    fn a_runtime_among_the_dependencies_is_found_with_its_way() {
        let tree = "0graphite-proto v0.1.0 (x)\n1serde v1.0.0\n1pretty v1.0.0\n2tokio v1.0.0\n1itoa v1.0.0\n";
        for asynchronous in [false, true] {
            let faults = check_tree("graphite-proto", asynchronous, tree);
            assert_eq!(
                faults,
                ["graphite-proto depends on tokio: graphite-proto > pretty > tokio"]
            );
        }
    }

    #[test]
    fn channels_and_sinks_come_with_the_client_layer_only() {
        let tree = "0graphite-proto v0.1.0 (x)\n1futures v0.3.0\n2futures-sink v0.3.0\n";
        assert_eq!(check_tree("graphite-proto", false, tree).len(), 2);
        assert_eq!(check_tree("graphite-proto", true, tree), [""; 0]);
        let tree = format!("{tree}2futures-executor v0.3.0\n");
        assert_eq!(check_tree("graphite-proto", true, &tree).len(), 1);
    }

    /// Only below the library that has them; what it brings beside them is a fault.
    #[test]
    fn what_a_library_has_and_nobody_uses_is_let_through_below_it() {
        let tree =
            "0graphite-proto v0.1.0 (x)\n1metrics-util v0.20.4\n2quanta v0.12.6\n3libc v0.2.0\n";
        assert_eq!(check_tree("graphite-proto", false, tree), [""; 0]);
        for tree in [format!("{tree}1libc v0.2.0\n"), format!("{tree}3mio v1.0.0\n")] {
            assert_eq!(check_tree("graphite-proto", false, &tree).len(), 1, "{tree}");
        }
    }

    /// The trees are those of the forms: without the feature nothing of it comes in.
    #[test]
    fn the_tree_of_each_form_is_looked_at() {
        for (krate, forms) in [
            ("futures-sink", [false, true, false, true, true]),
            ("metrics-util", [false, false, true, true, false]),
            ("rustls v", [false, false, false, false, true]),
        ] {
            let holds = |features| tree("graphite-proto", features).unwrap().contains(krate);
            let all = ["", "client", "metrics", "client,metrics", "rustls"];
            assert_eq!(all.map(holds), forms, "{krate}");
        }
    }

    #[test]
    fn a_ban_that_is_gone_is_found() {
        let line = |path: &&str| format!("{{ path = \"{path}\" }}\n");
        let file: String = LINT_BANS.iter().map(line).collect();
        assert_eq!(check_lints(&file), [""; 0]);
        let without = file.replace("std::thread::sleep", "");
        assert_eq!(check_lints(&without).len(), 1);
    }
}
