//! TLS over the connections that come about by name: the settings, what a runtime gives for it, and
//! what its end of file proves.
//!
//! Not here: the records and the cryptography, which are rustls' and, like the roots of the system,
//! come in by the runtime ([`Secure`]); streams of a [`Connector`](super::Connector), which brings a
//! TLS of its own.

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, InvalidMessage, RootCertStore};

use crate::client::connect::{Connecting, Connection, Layer};
use crate::client::runtime::{Adopt, Runtime, Tcp, Written};
use crate::event::Failure;

/// How many bytes a record holds. No more are written at a time, since what rustls has taken counts
/// as written only when the kernel has all of it: a slow receiver would seem to make no progress.
const RECORD: usize = 16_384;

/// Makes TLS over connections to a host.
pub(crate) type MakeLayer<R> =
    Box<dyn FnOnce(&str) -> Result<Arc<dyn Layer<R>>, Failure> + Send + Sync>;

/// How a client speaks TLS: [`Builder::tls`](super::Builder::tls).
///
/// By default it trusts the root certificates of the system, shows no certificate of its own, and
/// wants that of the receiver to be for the host of the address, a name or an IP address. Roots of
/// your own, client certificates and anything else are settings of rustls' own `ClientConfig`,
/// of which this is made by `from`. Each adapter re-exports the crate `rustls` that fits, with ring;
/// an application that has another cryptography in it too must say which its `ClientConfig` uses.
///
/// The roots of the system are read where the client begins, which takes some milliseconds; the
/// variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name others, as they do for OpenSSL.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/tls.rs")); }
/// # use page::*; page::run(async |graphite| {
/// # use rustls::ClientConfig;
/// # let (graphite, roots) = graphite_with_tls();
/// let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
/// let client = Client::builder().tls(config).connect(graphite).await?;
/// client.send(("load", 0.42)).await?;
/// client.close().await?;
/// # Ok(()) });
/// ```
///
/// # What goes over it
///
/// All of the client but the socket: the same [`TcpOptions`](super::TcpOptions), a handshake at each
/// connection, within its [`connect_timeout`](super::Builder::connect_timeout). A name without a port
/// is still that of the protocol, 2003 or 2004. Points are written by the client's own task, so that a
/// `send` awaited one by one costs a change of tasks.
///
/// A receiver that refuses a client's certificate under TLS 1.3 does so after the handshake:
/// `connect` may return `Ok`, and the refusal is told by
/// [`on_event`](super::Builder::on_event) and in the error of `close`.
///
/// # What an end of file proves
///
/// The proof of reading rests on the kernel's word, as without TLS: TCP has ended in good order,
/// every byte is acknowledged, and no reset came. Beyond that:
///
/// | the receiver | counts as |
/// |---|---|
/// | ends TCP after our half-close, with close_notify or without | the answer: everything is read |
/// | says close_notify, then ends TCP, unasked | as an end of file without TLS, if no reset follows within [`settle_timeout`](super::Builder::settle_timeout), in which nothing is written: what was before it is read, but for [`Delivery::Confirmed`](crate::Delivery::Confirmed) |
/// | ends TCP without close_notify, unasked | an end of file that proves nothing: what the window holds is sent again, but for what stood written for [`replay_age`](super::Builder::replay_age) |
/// | says close_notify and does not end TCP | nothing yet: it may hold bytes unread. The next point finds the connection lost |
///
/// A proxy that ends TLS (stunnel, a load balancer) is such a receiver by itself: the proof covers
/// it and no more, and what it holds when it is killed can be lost. stunnel passes a half-close on
/// and answers it when the receiver behind it has, so that `close` and
/// [`Delivery::Confirmed`](crate::Delivery::Confirmed) reach to that one as long as stunnel lives.
#[derive(Clone, Debug, Default)]
pub struct TlsConfig {
    rustls: Option<Arc<ClientConfig>>,
    server_name: Option<String>,
}

impl TlsConfig {
    /// Sets whom the receiver's certificate must be for, a DNS name or an IP address. Default: the
    /// host of the address.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/tls.rs")); }
    /// # use page::*; use graphite_proto::client::TlsConfig; page::run(async |graphite| {
    /// # use rustls::ClientConfig;
    /// # let (graphite, roots) = graphite_with_tls();
    /// # let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    /// // By its address, but with a certificate for its name.
    /// let tls = TlsConfig::from(config).server_name("graphite.example.com");
    /// let client = Client::builder().tls(tls).connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    pub(crate) fn not_with_a_connector() -> Failure {
        let text = "a connector brings its own TLS: connect by name, or without `tls`";
        Failure::new(io::ErrorKind::InvalidInput, text)
    }

    /// Makes ready for connections to a host.
    pub(crate) fn layer<R: Secure>(self, host: &str) -> Result<Arc<dyn Layer<R>>, Failure> {
        let name = self.server_name.as_deref().unwrap_or(host);
        let server_name = ServerName::try_from(name.to_owned()).map_err(|_| {
            let text = format!("server name {name:?} is neither a DNS name nor an IP address");
            Failure::new(io::ErrorKind::InvalidInput, text)
        })?;
        let config = self.rustls.map_or_else(by_system::<R>, Ok)?;
        Ok(Arc::new(Tls::<R> { config, server_name, runtime: PhantomData }))
    }
}

impl From<Arc<ClientConfig>> for TlsConfig {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self { rustls: Some(config), server_name: None }
    }
}

impl From<ClientConfig> for TlsConfig {
    fn from(config: ClientConfig) -> Self {
        Arc::new(config).into()
    }
}

/// Trusts the roots of the system.
fn by_system<R: Secure>() -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    let found = R::roots().map_err(|error| {
        Failure::new(error.kind(), format!("root certificates of the system: {error}"))
    })?;
    // Some systems hold a few that no standard knows.
    if roots.add_parsable_certificates(found).0 == 0 {
        let text = "the system holds no root certificates; install them, or bring a `ClientConfig`";
        return Err(Failure::new(io::ErrorKind::NotFound, text));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(R::provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new(io::ErrorKind::Unsupported, error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// A runtime that can speak TLS over its TCP connections: those of the adapters can with their
/// feature `rustls`.
///
/// On runtimes with the traits of `futures` the stream is that of the crate `futures-rustls` over
/// [`TcpIo`].
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*;
/// # use std::{io, sync::Arc};
/// # use graphite_proto::client::{Runtime, Secure, TcpIo};
/// # use rustls::{ClientConfig, crypto::{CryptoProvider, ring}};
/// # use rustls::pki_types::{CertificateDer, ServerName};
/// # type Tcp = <Smol as Runtime>::Tcp;
/// use futures_rustls::{TlsConnector, client::TlsStream};
///
/// impl Secure for Smol {
///     type Tls = TlsStream<TcpIo<Tcp>>;
///
///     fn provider() -> CryptoProvider {
///         ring::default_provider()
///     }
///
///     fn roots() -> io::Result<Vec<CertificateDer<'static>>> {
///         Ok(Vec::new()) // Or those of the crate rustls-native-certs.
///     }
///
///     async fn secure(
///         tcp: Tcp,
///         config: Arc<ClientConfig>,
///         server_name: ServerName<'static>,
///     ) -> io::Result<Self::Tls> {
///         TlsConnector::from(config).connect(server_name, TcpIo::new(tcp)).await
///     }
///
///     fn tcp(stream: &Self::Tls) -> &Tcp {
///         stream.get_ref().0.tcp()
///     }
/// }
/// # let error = Client::builder().tls(graphite_proto::client::TlsConfig::default());
/// # assert!(error.connect_lazy("localhost").unwrap_err().to_string().contains("root certificates"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not speak TLS",
    note = "the runtimes of the adapters do with their feature `rustls`"
)]
pub trait Secure: Runtime + Adopt<<Self as Secure>::Tls> {
    /// A TCP connection with TLS over it. To finish it says close_notify and then
    /// [finishes](Tcp::finish) what is below.
    type Tls: Send + 'static;

    /// Returns the cryptography for clients without a `ClientConfig` of their own.
    fn provider() -> CryptoProvider;

    /// Reads the root certificates of the system, for the same.
    ///
    /// # Errors
    ///
    /// None can be read, for this cause.
    fn roots() -> io::Result<Vec<CertificateDer<'static>>>;

    /// Shakes hands; the client brings the time-out, and drops the future then.
    ///
    /// # Errors
    ///
    /// The cause, which waiters see after the last attempt.
    fn secure(
        tcp: Self::Tcp,
        config: Arc<ClientConfig>,
        server_name: ServerName<'static>,
    ) -> impl Future<Output = io::Result<Self::Tls>> + Send;

    /// Returns the connection below.
    fn tcp(stream: &Self::Tls) -> &Self::Tcp;
}

/// TLS with a receiver.
struct Tls<R> {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Secure> Layer<R> for Tls<R> {
    fn over(self: Arc<Self>, tcp: R::Tcp) -> Connecting {
        Box::pin(async move {
            let stream = R::secure(tcp, self.config.clone(), self.server_name.clone()).await?;
            Ok(Box::new(TlsConnection::<R> { stream, finished: false, heard: Heard::Nothing }) as _)
        })
    }

    fn explain(&self, error: io::Error) -> io::Error {
        let ask = if is_no_tls(&error) { "; does it speak TLS on this port?" } else { "" };
        let (kind, name) = (error.kind(), self.server_name.to_str());
        let failure = Failure::from(error);
        io::Error::new(kind, format!("TLS handshake with {name}: {failure}{ask}"))
    }
}

/// Returns whether a handshake failed as it does with a receiver that speaks no TLS: it waits for
/// the end of a line, takes the handshake for a pickle and closes, or answers in plain text.
fn is_no_tls(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let garbled =
        matches!(cause, Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)));
    let ended =
        [io::ErrorKind::TimedOut, io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
    garbled || ended.contains(&error.kind())
}

/// What was heard of the receiver's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    /// It said close_notify: it sends no more, and reads no more as likely as not.
    CloseNotify,
    /// TCP ended without a word.
    Cut,
}

/// A connection over TLS. Its end of file is that of TCP, and what the kernel knows of TCP is what
/// is known: a receiver that says close_notify may still hold unread what came before it, and the
/// reset that tells of it comes when it closes.
struct TlsConnection<R: Secure> {
    stream: R::Tls,
    /// Whether our side was ended.
    finished: bool,
    heard: Heard,
}

impl<R: Secure> TlsConnection<R> {
    fn tcp(&self) -> &R::Tcp {
        R::tcp(&self.stream)
    }
}

impl<R: Secure> Connection for TlsConnection<R> {
    fn poll_read(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.heard == Heard::Nothing {
            match ready!(<R as Adopt<R::Tls>>::poll_read(&mut self.stream, cx, bytes)) {
                Ok(0) => self.heard = Heard::CloseNotify,
                // Many close without a word.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.heard = Heard::Cut;
                }
                other => return Poll::Ready(other),
            }
        }
        self.tcp().poll_read(cx, bytes)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.heard != Heard::Nothing {
            let text = "the receiver has ended the TLS session";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, text)));
        }
        let record = &bytes[..bytes.len().min(RECORD)];
        <R as Adopt<R::Tls>>::poll_write(&mut self.stream, cx, record)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        <R as Adopt<R::Tls>>::poll_flush(&mut self.stream, cx)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(<R as Adopt<R::Tls>>::poll_finish(&mut self.stream, cx))?;
        self.finished = true;
        Poll::Ready(Ok(()))
    }

    /// Of an end that nobody asked for and that was not announced the kernel's word is not taken:
    /// a process that dies leaves the same when it has read everything and dealt with nothing.
    fn written(&self) -> Option<Written> {
        let unasked = !self.finished && self.heard == Heard::Cut;
        if unasked { None } else { self.tcp().written() }
    }

    fn has_left(&self) -> bool {
        self.tcp().has_left()
    }

    /// Nothing is sent after its end.
    fn outlives_end(&self) -> bool {
        false
    }

    fn abort(&mut self) {
        self.tcp().abort();
    }

    /// A record is not written without waiting.
    fn direct(&self) -> Option<Arc<dyn Tcp>> {
        None
    }
}

/// A TCP connection with the traits of `futures`, for what reads and writes by them.
#[derive(Debug)]
pub struct TcpIo<T>(T);

impl<T: Tcp> TcpIo<T> {
    /// Gives a connection those traits.
    pub fn new(tcp: T) -> Self {
        Self(tcp)
    }

    /// Returns the connection.
    pub fn tcp(&self) -> &T {
        &self.0
    }
}

impl<T: Tcp + Unpin> AsyncRead for TcpIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, bytes)
    }
}

impl<T: Tcp + Unpin> AsyncWrite for TcpIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.finish())
    }
}
