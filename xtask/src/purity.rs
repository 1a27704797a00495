//! `cargo xtask purity`: graphite-proto and graphite-encoder know no runtime, socket, clock or
//! thread.
//!
//! By their dependency trees, by the lint file that clippy enforces, and by the words of their
//! sources, which also catches what a lint cannot name. Not here: the enforcing of the lint file,
//! which is clippy's own step.

use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::Result;
use crate::workspace::{PURE, cargo, no_arguments, read, root, rust_files};

/// Crates that bring a runtime, a socket, a clock or the system's randomness.
const BANNED_CRATES: &[&str] = &[
    "async-executor",
    "async-global-executor",
    "async-io",
    "async-net",
    "async-std",
    "chrono",
    "futures",
    "futures-core",
    "futures-executor",
    "futures-util",
    "getrandom",
    "hyper",
    "libc",
    "mio",
    "polling",
    "quanta",
    "rand",
    "rustix",
    "smol",
    "socket2",
    "time",
    "tokio",
];

/// What the lint file must ban.
const LINT_BANS: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
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
    &["Instant", "now"],
    &["SystemTime", "now"],
    &["UNIX_EPOCH", "elapsed"],
];

/// Words that may not stand in the sources.
const BANNED_WORDS: &[&str] = &["async", "await", "unsafe"];

pub(crate) fn run(arguments: &[String]) -> Result {
    no_arguments(arguments)?;
    let mut faults = Vec::new();
    let lints = read(&root().join("graphite-proto/.clippy.toml"))?;
    faults.extend(check_lints(&lints));
    for name in PURE {
        faults.extend(check_tree(name, &tree(name)?));
        let src = root().join(name).join("src");
        for file in rust_files(&src)? {
            let shown = file.strip_prefix(root()).unwrap_or(&file).to_owned();
            faults.extend(check_source(&shown, &read(&file)?)?);
        }
    }
    if faults.is_empty() {
        println!("purity: {} hold no runtime, socket, clock or thread", PURE.join(" and "));
        return Ok(());
    }
    Err(format!("faults: {}\n  {}", faults.len(), faults.join("\n  ")).into())
}

/// Returns the normal and build dependencies of a crate, a line each, indented by depth.
fn tree(name: &str) -> Result<String> {
    let arguments =
        ["tree", "-p", name, "-e", "normal,build", "--prefix", "depth", "--target", "all"];
    let output = cargo(arguments).output()?;
    if !output.status.success() {
        return Err(
            format!("cargo tree -p {name}: {}", String::from_utf8_lossy(&output.stderr)).into()
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Finds banned crates in a tree, and says by which way they came.
fn check_tree(name: &str, tree: &str) -> Vec<String> {
    let mut way: Vec<&str> = Vec::new();
    let mut faults = Vec::new();
    for line in tree.lines() {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let (depth, rest) = line.split_at(digits);
        let krate = rest.split_whitespace().next().unwrap_or_default();
        way.truncate(depth.parse().unwrap_or(0));
        way.push(krate);
        if BANNED_CRATES.contains(&krate) {
            faults.push(format!("{name} depends on {krate}: {}", way.join(" > ")));
        }
    }
    faults
}

fn check_lints(file: &str) -> Vec<String> {
    let missing = LINT_BANS.iter().filter(|path| !file.contains(&format!("\"{path}\"")));
    missing.map(|path| format!("graphite-proto/.clippy.toml does not ban {path}")).collect()
}

/// Finds banned words and paths in a source, outside of comments, texts and its tests.
fn check_source(file: &Path, text: &str) -> Result<Vec<String>> {
    let tokens: TokenStream =
        text.parse().map_err(|error| format!("{}: {error}", file.display()))?;
    let mut paths = Vec::new();
    collect_paths(tokens, &[], &mut paths);
    let mut faults = Vec::new();
    for word in BANNED_WORDS {
        // `#![forbid(unsafe_code)]` is another word.
        if paths.iter().flatten().any(|found| found == word) {
            faults.push(format!("{} holds `{word}`", file.display()));
        }
    }
    for ban in BANNED_PATHS {
        if paths.iter().any(|path| path.windows(ban.len()).any(|found| found == *ban)) {
            faults.push(format!("{} holds `{}`", file.display(), ban.join("::")));
        }
    }
    Ok(faults)
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
                let before = if joined { path.as_slice() } else { &[] };
                collect_paths(group.stream(), before, paths);
            }
            TokenTree::Punct(mark) => {
                skipping = mark.as_char() == '#' && tokens.peek().is_some_and(is_test_attribute);
                joined = matches!(mark.as_char(), ':' | '.');
                continue;
            }
            TokenTree::Literal(_) => {}
        }
        joined = false;
    }
    paths.push(path);
}

fn is_test_attribute(token: &TokenTree) -> bool {
    let text: String = token.to_string().split_whitespace().collect();
    text == "[cfg(test)]"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(source: &str) -> Vec<String> {
        check_source(Path::new("src/planted.rs"), source).unwrap()
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
            "async fn f() {}",
        ] {
            assert!(!faults(planted).is_empty(), "{planted}");
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
        let faults = check_tree("graphite-proto", tree);
        assert_eq!(faults, ["graphite-proto depends on tokio: graphite-proto > pretty > tokio"]);
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
