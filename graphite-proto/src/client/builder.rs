//! The settings of a client, and the four ways to begin.
//!
//! Not here: what the settings do, which is the machine's ([`crate::config::Config`]), and the ways
//! to begin that block ([`super::blocking`]).

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::address::{Address, AddressError};
use crate::client::connect::{Bare, ByConnector, ByName, Connect, Connector, Layer};
use crate::client::error::ConnectError;
use crate::client::handle::Client;
use crate::client::resolve::Resolver;
use crate::client::runtime::{Adopt, Runtime, TcpOptions};
use crate::client::telling::OnEvent;
#[cfg(feature = "rustls")]
use crate::client::tls::{MakeLayer, Secure, TlsConfig};
use crate::config::{Config, ConfigError, Delivery, NonFinite, Overflow};
use crate::event::Event;
use crate::protocol::Protocol;

/// The longest that a connection may be waited for.
const HOUR: Duration = Duration::from_secs(3600);
/// How long points wait for others: long enough for the fastest caller to fill a frame.
const LINGER: Duration = Duration::from_micros(250);

/// Makes a [`Client`]: settings, then a way to begin.
///
/// | | by name, over TCP or TLS | by a connector: a Unix socket, a proxy, a TLS of your own |
/// |---|---|---|
/// | fails when no connection comes about | [`connect`](Self::connect) | [`connect_with`](Self::connect_with) |
/// | starts while the receiver is down | [`connect_lazy`](Self::connect_lazy) | [`connect_with_lazy`](Self::connect_with_lazy) |
///
/// Every setting has bounds. One that is outside is an error of each of the four
/// ([`ConnectError::Setting`]), with its name, its value and the bound; nothing is silently put
/// right.
///
/// `Calls` says what the client's calls are: [`Awaited`], or
/// [`Blocking`](super::blocking::Blocking) for a [`blocking::Client`](super::blocking::Client). The
/// settings are the same, and so are the names of the four.
#[must_use = "a builder does nothing until it connects"]
pub struct Builder<R: Runtime, Calls = Awaited> {
    runtime: R,
    config: Config,
    connect_timeout: Duration,
    write_timeout: Duration,
    send_buffer: usize,
    on_event: Option<OnEvent>,
    calls: PhantomData<Calls>,
    #[cfg(feature = "rustls")]
    tls: Option<MakeLayer<R>>,
}

/// The calls of a client that are awaited: those of [`Client`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Awaited;

impl<R: Runtime + Default> Client<R> {
    /// Connects with the default settings: plaintext, [`Delivery::Replay`](crate::Delivery).
    ///
    /// `addr` is `"host"`, `"host:port"`, `("host", port)` or a `SocketAddr`.
    ///
    /// # Errors
    ///
    /// The address makes no sense, or no connection came about within 3 attempts.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, where there is nothing to run the client's task; on tokio also in a
    /// runtime that was built without `enable_time`. In one without `enable_io` it is the client's
    /// task that panics, at its first connection over TCP, and every call fails from then on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the attempts; nothing stays behind.
    pub async fn connect<A>(addr: A) -> Result<Self, ConnectError>
    where
        A: TryInto<Address, Error: Into<AddressError>>,
    {
        Self::builder().connect(addr).await
    }

    /// Begins a client with settings of its own.
    pub fn builder() -> Builder<R> {
        Builder::on(R::default())
    }
}

impl<R: Runtime> Client<R> {
    /// Begins a client with settings of its own, on a runtime that is reached by a value.
    pub fn builder_on(runtime: R) -> Builder<R> {
        Builder::on(runtime)
    }
}

impl<R: Runtime, Calls> Builder<R, Calls> {
    pub(crate) fn on(runtime: R) -> Self {
        // Every client its own jitter.
        let config = Config::default().seed(runtime.seed()).linger(LINGER);
        Self {
            runtime,
            config,
            connect_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            send_buffer: 256 << 10,
            on_event: None,
            calls: PhantomData,
            #[cfg(feature = "rustls")]
            tls: None,
        }
    }

    /// The same settings, for a client whose calls are awaited.
    pub(crate) fn awaited(self) -> Builder<R> {
        let Self { runtime, config, connect_timeout, write_timeout, send_buffer, on_event, .. } =
            self;
        Builder {
            runtime,
            config,
            connect_timeout,
            write_timeout,
            send_buffer,
            on_event,
            calls: PhantomData,
            #[cfg(feature = "rustls")]
            tls: self.tls,
        }
    }

    pub(crate) fn runtime(&self) -> &R {
        &self.runtime
    }

    fn map(mut self, set: impl FnOnce(Config) -> Config) -> Self {
        self.config = set(self.config);
        self
    }

    /// Sets how points are written. Default: plaintext.
    pub fn protocol(self, protocol: Protocol) -> Self {
        self.map(|config| config.with_protocol(protocol))
    }

    /// Sets what is done about bytes that a lost connection may have swallowed. Default:
    /// [`Delivery::Replay`] with a window of 8 MiB; see there for what it covers and costs. A
    /// window has at most 1 GiB.
    pub fn delivery(self, delivery: Delivery) -> Self {
        self.map(|config| config.delivery(delivery))
    }

    /// Sets what happens when the queue is full. Default: [`Overflow::Reject`].
    pub fn overflow(self, overflow: Overflow) -> Self {
        self.map(|config| config.overflow(overflow))
    }

    /// Sets what happens to NaN and the infinities. Default: [`NonFinite::Refuse`].
    pub fn non_finite(self, non_finite: NonFinite) -> Self {
        self.map(|config| config.non_finite(non_finite))
    }

    /// Sets what every path begins with; a dot is put between, unless the prefix ends in one.
    /// Default: nothing. It has no empty part, no white space and no control character, and leaves
    /// room for a point in a line.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.map(|config| config.prefix(prefix))
    }

    /// Sets after how many failures in a row waiting callers get an error. Default: 3; from 1 to
    /// 4,294,967,295, which is as good as never.
    pub fn max_attempts(self, attempts: u32) -> Self {
        self.map(|config| config.max_attempts(attempts))
    }

    /// Sets the delay after the first failure in a row and the longest that it doubles to.
    /// Default: 50 ms and 10 s. The first is from 1 ms to 1 hour, the longest from the first to
    /// 1 hour.
    pub fn backoff(self, initial: Duration, max: Duration) -> Self {
        self.map(|config| config.backoff(initial, max))
    }

    /// Sets the seed of the delays' jitter, any number. Default: random.
    pub fn seed(self, seed: u64) -> Self {
        self.map(|config| config.seed(seed))
    }

    /// Sets how long an attempt to connect may take, for the name to be resolved and for each of
    /// its addresses, a handshake of TLS included. Default: 5 s; from 1 ms to 1 hour. A connector of
    /// your own brings its own time-out.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets after how long without progress in writing a connection is given up. Default: 30 s;
    /// from 1 ms to 1 hour.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self.map(|config| config.write_timeout(timeout))
    }

    /// Sets how long a close, and every wait for the receiver's end of file, may take.
    /// Default: 10 s; from 50 ms, since in less no receiver can prove anything, to 1 hour.
    pub fn close_timeout(self, timeout: Duration) -> Self {
        self.map(|config| config.close_timeout(timeout))
    }

    /// Sets how long an end of file of the receiver's that no end of ours had asked for is watched.
    /// Default: 3 s; from 1 ms to 1 hour. If it stands that long with no error behind it and
    /// nothing to send, it counts as the receiver's having read what was written before it, but for
    /// [`Delivery::Confirmed`]. Over TLS, and streams of one's own, nothing is written meanwhile: what
    /// is sent goes over the next connection.
    pub fn settle_timeout(self, timeout: Duration) -> Self {
        self.map(|config| config.settle_timeout(timeout))
    }

    /// Sets how many encoded bytes may be queued. Default: 4 MiB; from 1 to 1 GiB. An empty queue
    /// takes a single point of any length.
    pub fn queue_bytes(self, bytes: usize) -> Self {
        self.map(|config| config.queue_bytes(bytes))
    }

    /// Sets where a frame is sealed, in bytes. Default: 65,536; from 1, which makes every point a
    /// frame, to 1,048,576. Above an eighth of the queue that eighth is used, so that dropping a
    /// frame never drops most of a small queue.
    pub fn frame_bytes(self, bytes: usize) -> Self {
        self.map(|config| config.frame_bytes(bytes))
    }

    /// Sets the longest pickle that the receiver reads, in bytes. Default and most: 1,048,576,
    /// carbon's limit; the least is 64.
    pub fn max_frame_bytes(self, bytes: usize) -> Self {
        self.map(|config| config.max_frame_bytes(bytes))
    }

    /// Sets after how long a healthy connection is ended in good order and made anew, so that a
    /// moved name is seen. Default: never; at most a year. However short the age, a connection
    /// first does something of what it was made for.
    pub fn max_connection_age(self, age: Option<Duration>) -> Self {
        self.map(|config| config.max_connection_age(age))
    }

    /// Sets how long a written point stays in the window of [`Delivery::Replay`] where nothing
    /// can prove that it was read, and after which an end of file without a proof (TLS that is cut)
    /// no longer has it sent again. What counts is the time that it stood written on connections.
    /// Default: 60 s; at most a year.
    pub fn replay_age(self, age: Duration) -> Self {
        self.map(|config| config.replay_age(age))
    }

    /// Sets how long a written point may stay unproven under [`Delivery::Confirmed`].
    /// Default: 10 s; at most 1 hour.
    pub fn confirm_interval(self, interval: Duration) -> Self {
        self.map(|config| config.confirm_interval(interval))
    }

    /// Sets the shortest time between the starts of two proofs under [`Delivery::Confirmed`].
    /// Default: 10 ms; at most 1 hour.
    pub fn confirm_spacing(self, spacing: Duration) -> Self {
        self.map(|config| config.confirm_spacing(spacing))
    }

    /// Sets how long points that are fed may wait for others to fill their frame. Default: 250 µs;
    /// at most 1 s; zero writes each as soon as it can be. After a pause the first few do not wait,
    /// nor do points that a `send`, a `flush` or a `close` waits for, or that take room which
    /// somebody needs. The runtime's timer may add to it: tokio's is exact to a millisecond or two.
    pub fn linger(self, linger: Duration) -> Self {
        self.map(|config| config.linger(linger))
    }

    /// Sets the socket's send buffer in bytes; the less, the less can be lost with it.
    /// Default: 256 KiB, which keeps about 1.4 MB in flight on Linux; from 4 KiB to 1 GiB, of which
    /// the system may allow less.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = bytes;
        self
    }

    /// Sets whom to tell what happens: connected, lost, gave up, replayed, confirmed, dropping;
    /// first of all a warning if the port is that of the other protocol, and at the end abandoned,
    /// if points are left that are not known to be delivered. It is called by the client's own
    /// task, so it should not block. A panic in it is caught and counted
    /// ([`Client::event_panics`]); the client goes on.
    pub fn on_event(mut self, on_event: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Box::new(on_event));
        self
    }

    /// Sets that [`connect`](Self::connect) and [`connect_lazy`](Self::connect_lazy) speak TLS.
    /// Default: plain TCP. [`TlsConfig::default`] trusts the roots of the system, and a
    /// `rustls::ClientConfig` will do too. What an end of file proves over TLS stands at
    /// [`TlsConfig`].
    ///
    /// A connector of your own brings its own TLS: with this setting
    /// [`connect_with`](Self::connect_with) and its lazy form are an error.
    #[cfg(feature = "rustls")]
    pub fn tls(mut self, config: impl Into<TlsConfig>) -> Self
    where
        R: Secure,
    {
        let config = config.into();
        self.tls = Some(Box::new(|host| config.layer::<R>(host)));
        self
    }
}

impl<R: Runtime> Builder<R> {
    /// Connects; the name is resolved anew at every reconnect and each of its addresses tried.
    ///
    /// `addr` is `"host"`, `"host:port"`, `("host", port)` or a `SocketAddr`; without a port the
    /// protocol's own is used, and a bare IPv6 address is a host.
    ///
    /// # Errors
    ///
    /// A setting or the address makes no sense, or no connection came about within
    /// [`max_attempts`](Self::max_attempts).
    ///
    /// # Panics
    ///
    /// As [`Client::connect`] does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the attempts; nothing stays behind.
    pub async fn connect<A>(self, addr: A) -> Result<Client<R>, ConnectError>
    where
        A: TryInto<Address, Error: Into<AddressError>>,
    {
        let client = self.connect_lazy(addr)?;
        client.connected().await?;
        Ok(client)
    }

    /// Makes a client that connects when there is something to send, so that an application
    /// starts while Graphite is down.
    ///
    /// # Errors
    ///
    /// A setting or the address makes no sense.
    ///
    /// # Panics
    ///
    /// As [`Client::connect`] does.
    #[track_caller]
    pub fn connect_lazy<A>(mut self, addr: A) -> Result<Client<R>, ConnectError>
    where
        A: TryInto<Address, Error: Into<AddressError>>,
    {
        self.check()?;
        let address = addr.try_into().map_err(Into::into)?;
        let protocol = self.config.protocol();
        let port = address.port_for(protocol);
        let connector = ByName {
            runtime: self.runtime.clone(),
            resolver: Resolver::new(self.runtime.clone(), address.host(), port),
            layer: self.layer(address.host())?,
            timeout: self.connect_timeout,
            options: TcpOptions::new(self.send_buffer, self.write_timeout),
        };
        let (warning, address) =
            (Event::port_in_doubt(protocol, port), address.with_port_for(protocol));
        Ok(self.start(Some(address), Arc::new(connector), R::PROVES, warning))
    }

    /// Connects over any stream: a Unix socket, a proxy, a TLS of your own. The connector is called
    /// again after each connection that ended.
    ///
    /// # Errors
    ///
    /// A setting makes no sense, or no connection came about within
    /// [`max_attempts`](Self::max_attempts).
    ///
    /// # Panics
    ///
    /// As [`Client::connect`] does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the attempts; nothing stays behind.
    pub async fn connect_with<C>(self, connector: C) -> Result<Client<R>, ConnectError>
    where
        C: Connector,
        R: Adopt<C::Stream>,
    {
        let client = self.connect_with_lazy(connector)?;
        client.connected().await?;
        Ok(client)
    }

    /// Makes a client that connects over any stream when there is something to send, so that an
    /// application starts while Graphite, or the proxy before it, is down.
    ///
    /// # Errors
    ///
    /// A setting makes no sense.
    ///
    /// # Panics
    ///
    /// As [`Client::connect`] does.
    #[track_caller]
    pub fn connect_with_lazy<C>(self, connector: C) -> Result<Client<R>, ConnectError>
    where
        C: Connector,
        R: Adopt<C::Stream>,
    {
        self.check()?;
        #[cfg(feature = "rustls")]
        if self.tls.is_some() {
            return Err(ConnectError::Tls(TlsConfig::not_with_a_connector()));
        }
        // Whether it can prove is told stream by stream; until then the window also ages.
        Ok(self.start(None, Arc::new(ByConnector::<R, C>::new(connector)), false, None))
    }

    /// Makes what lies over TCP to a host.
    #[cfg(feature = "rustls")]
    fn layer(&mut self, host: &str) -> Result<Arc<dyn Layer<R>>, ConnectError> {
        let Some(tls) = self.tls.take() else { return Ok(Arc::new(Bare)) };
        tls(host).map_err(ConnectError::Tls)
    }

    #[cfg(not(feature = "rustls"))]
    fn layer(&mut self, _host: &str) -> Result<Arc<dyn Layer<R>>, ConnectError> {
        Ok(Arc::new(Bare))
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.config.check()?;
        let (timeout, least) = (self.connect_timeout, Duration::from_millis(1));
        ConfigError::check_time("connect_timeout", timeout, least, HOUR)?;
        ConfigError::check_number("send_buffer", self.send_buffer, 4 << 10, 1 << 30)
    }

    #[track_caller]
    fn start(
        self,
        address: Option<Address>,
        connector: Arc<dyn Connect>,
        proofs: bool,
        warning: Option<Event>,
    ) -> Client<R> {
        let config = self.config.proofs(proofs);
        Client::start(self.runtime, config, address, connector, self.on_event, warning)
    }
}

impl<R: Runtime, Calls> fmt::Debug for Builder<R, Calls> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("connect_timeout", &self.connect_timeout)
            .field("send_buffer", &self.send_buffer)
            .finish_non_exhaustive()
    }
}
