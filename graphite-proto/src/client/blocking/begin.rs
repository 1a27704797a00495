//! The ways to begin a client whose calls block.
//!
//! Not here: the settings, which are those of every client ([`crate::client::builder`]).

use super::{Block, Blocking, Client};
use crate::address::{Address, AddressError};
use crate::client::builder::Builder;
use crate::client::connect::Connector;
use crate::client::error::ConnectError;
use crate::client::runtime::Adopt;

/// The four ways to begin a client whose calls block: those of [`Builder`] without `async`.
impl<R: Block> Builder<R, Blocking> {
    /// Connects; the name is resolved anew at every reconnect and each of its addresses tried.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::builder().connect(("127.0.0.1", graphite.port()))?;
    /// client.send(("load", 0.42))?;
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A setting or the address makes no sense, or no connection came about within
    /// [`max_attempts`](Self::max_attempts).
    ///
    /// # Panics
    ///
    /// Within a task of the client's runtime.
    #[track_caller]
    pub fn connect<A>(self, addr: A) -> Result<Client<R>, ConnectError>
    where
        A: TryInto<Address, Error: Into<AddressError>>,
    {
        Client::begin(self, async |builder| builder.connect(addr).await)
    }

    /// Makes a client that connects when there is something to send.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::builder().connect_lazy(graphite)?;
    /// assert!(!client.is_connected());
    /// client.send(("load", 0.42))?;
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A setting or the address makes no sense.
    ///
    /// # Panics
    ///
    /// Within a task of the client's runtime.
    #[track_caller]
    pub fn connect_lazy<A>(self, addr: A) -> Result<Client<R>, ConnectError>
    where
        A: TryInto<Address, Error: Into<AddressError>>,
    {
        Client::begin(self, async |builder| builder.connect_lazy(addr))
    }

    /// Connects over any stream that the runtime can adopt: TLS, a Unix socket, a proxy. The
    /// connector is called again after each connection that ended, on the client's own thread.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::builder().connect_with(move || smol::net::TcpStream::connect(graphite))?;
    /// client.send(("load", 0.42))?;
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A setting makes no sense, or no connection came about within
    /// [`max_attempts`](Self::max_attempts).
    ///
    /// # Panics
    ///
    /// Within a task of the client's runtime.
    #[track_caller]
    pub fn connect_with<C>(self, connector: C) -> Result<Client<R>, ConnectError>
    where
        C: Connector,
        R: Adopt<C::Stream>,
    {
        Client::begin(self, async |builder| builder.connect_with(connector).await)
    }

    /// Makes a client that connects over any stream when there is something to send.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let connect = move || smol::net::TcpStream::connect(graphite);
    /// let client = Client::builder().connect_with_lazy(connect)?;
    /// client.send(("load", 0.42))?;
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A setting makes no sense.
    ///
    /// # Panics
    ///
    /// Within a task of the client's runtime.
    #[track_caller]
    pub fn connect_with_lazy<C>(self, connector: C) -> Result<Client<R>, ConnectError>
    where
        C: Connector,
        R: Adopt<C::Stream>,
    {
        Client::begin(self, async |builder| builder.connect_with_lazy(connector))
    }
}
