//! A TLS listener in front of carbon-cache, stunnel, stopped and started again while points stream:
//! the files hold all of them.
//!
//! What it holds when it is stopped dies with it, and it ends TLS without a word then. Not here: a
//! carbon-cache that is stopped itself ([`super::restart`]).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;

use graphite_client_tokio::TlsConfig;
use graphite_client_tokio::rustls::{ClientConfig, RootCertStore};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::carbon::Cache;
use super::compare::{compare, exact};
use super::host::Host;
use super::process::{Process, wait};
use super::send::Streaming;
use super::{Bench, PROTOCOLS, Row, install};
use crate::Result;
use crate::sockets;

/// How many points stream at least between two stops.
const ON: u64 = 15_000;

pub(super) fn rows(bench: &Bench) -> Vec<Row> {
    let version = install::debian("stunnel4", "stunnel");
    let times: u64 = if bench.short { 1 } else { 5 };
    let name = version.as_deref().unwrap_or_default();
    let name = format!("carbon-cache, stunnel {name} x{times}");
    let ready = version.map(drop).and_then(|()| bench.python().map(drop));
    bench.rows(&name, bench.ways(&PROTOCOLS, true), ready, |way, folder| {
        let mut cache = Cache::start(bench, folder, "a")?;
        let mut stunnel = Stunnel::start(folder, cache.address(way.protocol))?;
        let streaming = Streaming::over(stunnel.trusted.clone());
        let (address, receiver) = (stunnel.address, cache.address(way.protocol));
        let stats = streaming.during(way, address, || {
            // Carbon's writer is to have much to do when it is asked to end.
            streaming.fill(bench, &cache)?;
            for _ in 0..times {
                stunnel.restart()?;
                wait("stunnel is reached", || sockets::connected_to(receiver))?;
                let goal = streaming.accepted.load(Ordering::Relaxed) + ON;
                wait("points have streamed on", || {
                    Ok(streaming.accepted.load(Ordering::Relaxed) >= goal)
                })?;
            }
            Ok(())
        })?;
        stunnel.process.terminate()?;
        let expected = streaming.expected(0..stats.accepted);
        cache.stop()?;
        let mut outcome = compare(&expected, &cache.files(bench, &expected)?, exact);
        // Else the row would have shown nothing.
        if stats.reconnects < times {
            outcome.fail(format!("only {} of {times} stops were met", stats.reconnects));
        }
        let (lost, again) = (stats.reconnects, stats.replayed);
        outcome.note(format!("connections lost: {lost}, points sent again: {again}"));
        Ok(outcome)
    })
}

/// A stunnel in front of a receiver.
struct Stunnel {
    folder: PathBuf,
    address: SocketAddr,
    /// What a client needs to trust its certificate.
    trusted: TlsConfig,
    process: Process,
    /// Its own for as long as this value is there.
    _host: Host,
}

impl Stunnel {
    /// Starts it in a folder and on an address of its own, with a certificate for that.
    fn start(folder: &Path, receiver: SocketAddr) -> Result<Self> {
        let host = Host::new()?;
        let address = host.port()?;
        let folder = folder.join("stunnel");
        std::fs::create_dir_all(&folder)?;
        let trusted = certify(address, &folder)?;
        let config = format!(
            "foreground = yes\npid =\n[graphite]\naccept = {address}\nconnect = {receiver}\n\
             cert = {0}/certificate.pem\nkey = {0}/key.pem\n",
            folder.display()
        );
        std::fs::write(folder.join("stunnel.conf"), config)?;
        let process = run(&folder, address)?;
        Ok(Self { folder, address, trusted, process, _host: host })
    }

    /// Stops it, with the connections that it has, and starts it again.
    fn restart(&mut self) -> Result {
        self.process.signal(rustix::process::Signal::TERM)?;
        self.process.ended()?;
        self.process = run(&self.folder, self.address)?;
        Ok(())
    }
}

fn run(folder: &Path, address: SocketAddr) -> Result<Process> {
    let mut command = Command::new("stunnel");
    command.arg(folder.join("stunnel.conf"));
    Process::start(command, &folder.join("log"), &[address])
}

/// Makes a certificate for an address, with its key; returns what trusts it.
fn certify(address: SocketAddr, folder: &Path) -> Result<TlsConfig> {
    let (root_key, key) = (KeyPair::generate()?, KeyPair::generate()?);
    let mut root = CertificateParams::new([])?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut roots = RootCertStore::empty();
    roots.add(root.self_signed(&root_key)?.der().clone())?;
    let certificate = CertificateParams::new([address.ip().to_string()])?;
    let certificate = certificate.signed_by(&key, &Issuer::new(root, root_key))?;
    std::fs::write(folder.join("certificate.pem"), certificate.pem())?;
    std::fs::write(folder.join("key.pem"), key.serialize_pem())?;
    let config = ClientConfig::builder().with_root_certificates(roots);
    Ok(config.with_no_client_auth().into())
}
