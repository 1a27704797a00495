//! What the README shows are examples and pages of the crates, and the examples deliver.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test has no users, and may fail")]

mod common;

use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use common::{Service, receiver};
use graphite_client_tokio::rustls::pki_types::PrivatePkcs8KeyDer;
use graphite_client_tokio::rustls::{ServerConfig, ServerConnection, StreamOwned};
use graphite_proto::{Metric, Protocol};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

const EXAMPLES: [(&str, &str); 3] = [
    ("graphite-client-tokio", "quickstart_tokio"),
    ("graphite-client-async-std", "quickstart_async_std"),
    ("graphite-proto", "quickstart_std"),
];

/// Runs until it is interrupted.
const REPORTER: (&str, &str) = ("graphite-client-tokio", "reporter_tokio");

/// Sends 100,000 points from each of eight tasks.
const PRODUCER: (&str, &str) = ("graphite-client-tokio", "producer_tokio");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn source(krate: &str, example: &str) -> String {
    std::fs::read_to_string(root().join(krate).join("examples").join(format!("{example}.rs")))
        .unwrap()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// Returns the blocks of code that are marked so.
fn blocks<'t>(readme: &'t str, mark: &str) -> Vec<&'t str> {
    let begin = format!("```{mark}\n");
    readme.split(&begin).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// Whoever comes by has not more to read than that.
#[test]
fn the_readme_is_short() {
    assert!(readme().lines().count() <= 200);
}

#[test]
fn the_quick_start_is_the_example() {
    let (krate, example) = EXAMPLES[0];
    assert_eq!(blocks(&readme(), "rust"), [source(krate, example)]);
}

#[test]
fn the_reporter_is_a_part_of_its_example() {
    let (readme, source) = (readme(), source(REPORTER.0, REPORTER.1));
    let shown = blocks(&readme, "rust,ignore")[0];
    assert!(shown.lines().count() >= 4 && source.contains(shown), "{shown}");
}

#[test]
fn the_recorder_is_that_of_the_page_of_the_client() {
    let readme = readme();
    let shown = blocks(&readme, "rust,ignore")[1];
    let page = root().join("graphite-client-tokio/src/metrics.rs");
    let page = std::fs::read_to_string(page).unwrap();
    let page = page.lines().filter_map(|line| line.strip_prefix("//!"));
    let page = page.map(|line| line.strip_prefix(' ').unwrap_or(line));
    // Those are not shown there either.
    let page: Vec<&str> = page.filter(|line| !line.starts_with('#')).collect();
    let shown: Vec<&str> = shown.lines().collect();
    assert!(shown.len() > 5 && page.windows(shown.len()).any(|lines| lines == shown), "{shown:#?}");
}

#[test]
fn the_errors_that_the_readme_explains_are_told_so() {
    let told = |metric: Metric<'_>| {
        let error = Protocol::Plaintext.encode([metric], 0, &mut Vec::new()).unwrap_err();
        error.to_string()
    };
    let readme = readme();
    let told = [told(("a b", 1).into()), told(("a", 1, 1_520_372_931_562_u64).into())];
    for (told, shown) in told.iter().zip([
        "metric path \"a b\" holds white space (U+0020) at byte 1",
        "is outside 0 to 4294967295 seconds since 1970: milliseconds?",
    ]) {
        assert!(told.contains(shown) && readme.contains(shown), "{told}");
    }
}

#[test]
fn what_the_pages_link_to_is_there() {
    for page in ["README.md", "xtask/README.md"] {
        let page = root().join(page);
        let text = std::fs::read_to_string(&page).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let files: Vec<&str> =
            links.filter(|link| !link.contains("://") && !link.starts_with('#')).collect();
        assert!(!files.is_empty());
        for file in files {
            assert!(page.parent().unwrap().join(file).exists(), "{}: {file}", page.display());
        }
    }
}

/// Runs an example; returns what it sent.
fn sent_by(example: &str) -> String {
    let (address, receiver) = receiver();
    run(example, |command| command.arg(address));
    receiver.join().unwrap()
}

fn run(example: &str, with: impl FnOnce(&mut Command) -> &mut Command) {
    let (code, said) = Service::start(with(&mut common::run(example))).ended();
    assert_eq!(code, Some(0), "{example}: {said}");
}

/// Takes one connection over TLS, with a certificate for its address; returns that, what comes in,
/// and a file with the root that vouches for it.
fn over_tls() -> (String, JoinHandle<String>, tempfile::NamedTempFile) {
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut root = CertificateParams::new([]).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, root.self_signed(&root_key).unwrap().pem()).unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
    let (chain, key) =
        (vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(chain, key.into()).unwrap());

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let receiver = thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        let mut text = String::new();
        let connection = ServerConnection::new(config).unwrap();
        StreamOwned::new(connection, stream).read_to_string(&mut text).unwrap();
        text
    });
    (address, receiver, file)
}

/// By the roots in a file, and by those of the system, which a variable names.
#[test]
fn the_example_of_tls_delivers() {
    for given in [true, false] {
        let (address, receiver, root) = over_tls();
        run("tls_tokio", |command| {
            command.arg(address);
            match given {
                true => command.arg(root.path()),
                false => command.env("SSL_CERT_FILE", root.path()),
            }
        });
        let text = receiver.join().unwrap();
        assert!(text.starts_with("servers.web01.load 0.42 ") && text.ends_with('\n'), "{text}");
    }
}

#[test]
fn the_producer_delivers_each_tasks_points_in_order() {
    let text = sent_by(PRODUCER.1);
    let mut next = std::collections::HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(' ');
        let (name, value) = (fields.next().unwrap(), fields.next().unwrap());
        let next: &mut u32 = next.entry(name).or_default();
        assert_eq!(value.parse(), Ok(*next), "{name}");
        *next += 1;
    }
    assert!(next.len() == 8 && next.values().all(|next| *next == 100_000), "{next:?}");
}

#[test]
fn the_quick_starts_deliver() {
    for (krate, example) in EXAMPLES {
        let text = sent_by(example);
        let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
        let sent = source(krate, example);
        let expected = ["servers.web01.load", "servers.web01.users", "servers.web01.jobs"];
        let expected: Vec<&str> =
            expected.into_iter().filter(|name| sent.contains(&format!("\"{name}\""))).collect();
        assert_eq!(names, expected, "{example}");
        assert!(text.ends_with('\n'), "{example}");
    }
}
