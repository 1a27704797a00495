//! A Graphite receiver over TLS on threads of its own, by the server side of rustls, and the
//! certificates that it and its clients show.
//!
//! Its ways to end are those of TLS: with close_notify, with that alone, without, with much unread. Not here: what a
//! receiver can do to a plain connection ([`super::receiver`]).

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::client::Protocol;
use crate::client::proto::Receiver;
use crate::suite::receiver::{free_port, until};

const TICK: Duration = Duration::from_millis(1);

/// Who vouches for certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

type Certified = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("key");
        let mut params = CertificateParams::new([]).expect("params");
        // A stranger of the same name would be a bad signature.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("authority {}", NEXT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("root").der().clone();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// Makes a certificate for names and addresses, good until the end of a year.
    fn certify(&self, names: &[&str], until: i32) -> Certified {
        let key = KeyPair::generate().expect("key");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_after = rcgen::date_time_ymd(until, 12, 31);
        let certificate = params.signed_by(&key, &self.issuer).expect("certificate");
        (vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).expect("root");
        roots
    }

    /// The settings of a client that trusts it, and no others.
    pub(crate) fn trusted(&self) -> ClientConfig {
        ClientConfig::builder().with_root_certificates(self.roots()).with_no_client_auth()
    }

    /// The settings of a client that also shows a certificate of its.
    pub(crate) fn trusted_by_certificate(&self) -> ClientConfig {
        let (chain, key) = self.certify(&["client"], 4000);
        let builder = ClientConfig::builder().with_root_certificates(self.roots());
        builder.with_client_auth_cert(chain, key).expect("client's certificate")
    }
}

/// How a receiver ends a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By close_notify, then closes.
    #[default]
    Announced,
    /// Closes without a word, as Python's does.
    Cut,
    /// By close_notify, and never closes.
    Unclosed,
    /// The first by close_notify and the end of its side; what it never read is reset a second later.
    HungUp,
}

/// What kind of receiver.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) protocol: Protocol,
    pub(crate) ending: Ending,
    /// Until the end of which year its certificate is good.
    pub(crate) until: i32,
    /// Whether clients have to show a certificate.
    pub(crate) asks: bool,
    /// Resets the first connection after so many bytes of points.
    pub(crate) reset_first_after: Option<usize>,
}

impl Default for Kind {
    fn default() -> Self {
        let (protocol, ending) = (Protocol::Plaintext, Ending::default());
        Self { protocol, ending, until: 4000, asks: false, reset_first_after: None }
    }
}

#[derive(Default)]
struct State {
    paths: Vec<String>,
    errors: Vec<String>,
    accepted: usize,
    /// Connections up to this number are to be ended.
    end_up_to: usize,
    /// How many of them were.
    ended: usize,
}

pub(crate) struct TlsGraphite {
    pub(crate) authority: Authority,
    kind: Kind,
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    over: Arc<AtomicBool>,
    acceptor: Option<thread::JoinHandle<()>>,
}

impl TlsGraphite {
    pub(crate) fn start(kind: Kind) -> Self {
        let mut graphite = Self::closed(kind);
        graphite.listen();
        graphite
    }

    /// Has a port, but does not listen yet.
    pub(crate) fn closed(kind: Kind) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let (authority, state, over) = (Authority::new(), Arc::default(), Arc::default());
        Self { authority, kind, address, state, over, acceptor: None }
    }

    pub(crate) fn listen(&mut self) {
        let listener = TcpListener::bind(self.address).expect("listen");
        listener.set_nonblocking(true).expect("listener");
        let (kind, config) = (self.kind.clone(), Arc::new(self.config()));
        let (state, over) = (self.state.clone(), self.over.clone());
        self.acceptor = Some(thread::spawn(move || {
            while !over.load(Ordering::SeqCst) {
                let Ok((stream, _)) = listener.accept() else {
                    thread::sleep(TICK);
                    continue;
                };
                let connection = ServerConnection::new(config.clone()).expect("server");
                let (kind, state, over) = (kind.clone(), state.clone(), over.clone());
                thread::spawn(move || serve(stream, connection, &kind, &state, &over));
            }
        }));
    }

    fn config(&self) -> ServerConfig {
        let (chain, key) = self.authority.certify(&["localhost", "127.0.0.1"], self.kind.until);
        let builder = ServerConfig::builder();
        let builder = match self.kind.asks {
            false => builder.with_no_client_auth(),
            true => {
                let verifier = WebPkiClientVerifier::builder(Arc::new(self.authority.roots()));
                builder.with_client_cert_verifier(verifier.build().expect("verifier"))
            }
        };
        builder.with_single_cert(chain, key).expect("server's certificate")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("receiver's state")
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.state().paths.clone()
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        self.state().errors.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state().accepted
    }

    /// Waits until so many different paths came in.
    pub(crate) async fn received_distinct(&self, count: usize) {
        let distinct = |paths: &[String]| {
            let paths: std::collections::HashSet<_> = paths.iter().collect();
            paths.len()
        };
        until("points came in", || distinct(&self.state().paths) >= count).await;
    }

    /// Ends every connection, in its way, and waits for that. All that was written must have come
    /// in.
    pub(crate) async fn end_connections(&self) {
        let last = {
            let mut state = self.state();
            state.end_up_to = state.accepted;
            state.accepted
        };
        until("connections are ended", || self.state().ended >= last).await;
    }
}

impl Drop for TlsGraphite {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().expect("acceptor");
        }
    }
}

type Stream = StreamOwned<ServerConnection, TcpStream>;

fn serve(
    stream: TcpStream,
    connection: ServerConnection,
    kind: &Kind,
    state: &Mutex<State>,
    over: &AtomicBool,
) {
    let number = {
        let mut state = state.lock().expect("receiver's state");
        state.accepted += 1;
        state.accepted
    };
    stream.set_nonblocking(false).expect("blocking");
    stream.set_read_timeout(Some(TICK)).expect("read time-out");
    // Or close_notify would wait for the client's word that it has the tickets of the session.
    stream.set_nodelay(true).expect("no delay");
    let mut stream = StreamOwned::new(connection, stream);
    let ended = || over.load(Ordering::SeqCst);
    if (number, kind.ending) == (1, Ending::HungUp) {
        return hang_up(&mut stream, state, ended);
    }
    let told = || ended() || number <= state.lock().expect("receiver's state").end_up_to;
    if read(&mut stream, number, kind, state, told).is_ok() && kind.ending != Ending::Cut {
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }
    let held = (kind.ending == Ending::Unclosed).then_some(stream);
    state.lock().expect("receiver's state").ended += 1;
    while held.is_some() && !ended() {
        thread::sleep(TICK);
    }
}

/// Reads nothing but the handshake; ends its side when it is told to, and the rest later.
fn hang_up(stream: &mut Stream, state: &Mutex<State>, over: impl Fn() -> bool) {
    while stream.conn.is_handshaking() && !over() {
        let _ = stream.conn.complete_io(&mut stream.sock);
    }
    while state.lock().expect("receiver's state").end_up_to == 0 && !over() {
        thread::sleep(TICK);
    }
    stream.conn.send_close_notify();
    while stream.conn.wants_write() && stream.conn.write_tls(&mut stream.sock).is_ok() {}
    let _ = stream.sock.shutdown(Shutdown::Write);
    state.lock().expect("receiver's state").ended += 1;
    thread::sleep(Duration::from_secs(1));
}

/// Reads until the client's close_notify, or until it is told to end.
fn read(
    stream: &mut Stream,
    number: usize,
    kind: &Kind,
    state: &Mutex<State>,
    told: impl Fn() -> bool,
) -> io::Result<()> {
    let (mut receiver, mut buffer) = (Receiver::new(kind.protocol), vec![0; 65_536]);
    let mut bytes = 0;
    while !told() {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                receiver.receive(&buffer[..read]);
                bytes += read;
                take(&mut receiver, state);
            }
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
            Err(error) => {
                // The alert that says why.
                let _ = stream.conn.write_tls(&mut stream.sock);
                return Err(error);
            }
        }
        if number == 1 && kind.reset_first_after.is_some_and(|limit| bytes >= limit) {
            socket2::SockRef::from(&stream.sock).set_linger(Some(Duration::ZERO))?;
            return Err(ErrorKind::ConnectionReset.into());
        }
    }
    Ok(())
}

fn take(receiver: &mut Receiver, state: &Mutex<State>) {
    let mut state = state.lock().expect("receiver's state");
    while let Some(point) = receiver.next_metric() {
        match point {
            Ok(point) => state.paths.push(point.path().to_owned()),
            Err(error) => state.errors.push(error.to_string()),
        }
    }
}
