//! What a client is begun by: its settings, and the four ways to begin.
//!
//! Not here: what the settings do, which is the machine's ([`crate::config::Config`]), and the ways
//! to begin that block ([`super::blocking`]).

mod settings;

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
use crate::client::tls::{MakeLayer, TlsConfig};
use crate::config::{Config, ConfigError};
use crate::event::Event;

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
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// let builder = Client::builder().prefix("servers.web01").queue_bytes(16 << 20);
/// let client = builder.connect_lazy(graphite)?;
/// client.send(("load", 0.42)).await?;
///
/// let error = Client::builder().queue_bytes(0).connect_lazy(graphite).unwrap_err();
/// assert_eq!(error.to_string(), "setting queue_bytes is 0, at least 1 is needed");
/// # Ok(()) });
/// ```
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
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::connect(graphite).await?;
    /// assert!(client.is_connected());
    /// # Ok(()) });
    /// ```
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
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().prefix("servers.web01").connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    pub fn builder() -> Builder<R> {
        Builder::on(R::default())
    }
}

impl<R: Runtime> Client<R> {
    /// Begins a client with settings of its own, on a runtime that is reached by a value.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = graphite_proto::client::Client::builder_on(Smol).connect(graphite).await?;
    /// # Ok(()) });
    /// ```
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
}

impl<R: Runtime> Builder<R> {
    /// Connects; the name is resolved anew at every reconnect and each of its addresses tried.
    ///
    /// `addr` is `"host"`, `"host:port"`, `("host", port)` or a `SocketAddr`; without a port the
    /// protocol's own is used, and a bare IPv6 address is a host.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use graphite_proto::client::ConnectError; page::run(async |graphite| {
    /// let client = Client::builder().connect(("127.0.0.1", graphite.port())).await?;
    ///
    /// let error = Client::builder().connect("tcp://graphite:2003").await.unwrap_err();
    /// assert!(matches!(error, ConnectError::Address(_)));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// A setting or the address makes no sense, TLS cannot be set up, or no connection came about
    /// within [`max_attempts`](Self::max_attempts).
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
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().connect_lazy("127.0.0.1:1")?; // Nobody listens there yet.
    /// client.try_feed(("starts", 1))?;
    /// assert_eq!(client.stats().queued, 1);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// A setting or the address makes no sense, or TLS cannot be set up.
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
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// // Any stream with the traits of the runtime, or a connection through a proxy.
    /// let connect = move || smol::net::TcpStream::connect(graphite);
    /// let client = Client::builder().connect_with(connect).await?;
    /// client.send(("load", 0.42)).await?;
    /// client.close().await?;
    /// # Ok(()) });
    /// ```
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
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let connect = || smol::net::unix::UnixStream::connect("/run/graphite.sock");
    /// let client = Client::builder().connect_with_lazy(connect)?;
    /// client.try_feed(("starts", 1))?;
    /// # Ok(()) });
    /// ```
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
