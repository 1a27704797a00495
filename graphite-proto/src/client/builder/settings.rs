//! The settings, each with what it is for, its default and its bounds.
//!
//! Not here: what they do, which is the machine's ([`crate::config::Config`]).

use std::time::Duration;

use super::Builder;
use crate::client::runtime::Runtime;
#[cfg(feature = "rustls")]
use crate::client::tls::{Secure, TlsConfig};
use crate::config::{Config, Delivery, NonFinite, Overflow};
use crate::event::Event;
use crate::protocol::Protocol;

impl<R: Runtime, Calls> Builder<R, Calls> {
    fn map(mut self, set: impl FnOnce(Config) -> Config) -> Self {
        self.config = set(self.config);
        self
    }

    /// Sets how points are written. Default: plaintext.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use graphite_proto::Protocol; page::run(async |graphite| {
    /// let client = Client::builder().protocol(Protocol::Pickle).connect(graphite).await?;
    /// assert_eq!(client.protocol(), Protocol::Pickle);
    /// # Ok(()) });
    /// ```
    pub fn protocol(self, protocol: Protocol) -> Self {
        self.map(|config| config.with_protocol(protocol))
    }

    /// Sets what is done about bytes that a lost connection may have swallowed. Default:
    /// [`Delivery::Replay`] with a window of 8 MiB; see there for what it covers and costs. A
    /// window has at most 1 GiB.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use graphite_proto::Delivery; page::run(async |graphite| {
    /// let confirmed = Delivery::Confirmed { window: 1 << 20 };
    /// let client = Client::builder().delivery(confirmed).connect(graphite).await?;
    /// client.feed(("orders", 17)).await?;
    /// client.flush().await?; // The receiver has read it.
    /// assert_eq!(client.stats().confirmed, 1);
    /// # Ok(()) });
    /// ```
    pub fn delivery(self, delivery: Delivery) -> Self {
        self.map(|config| config.delivery(delivery))
    }

    /// Sets what happens when the queue is full. Default: [`Overflow::Reject`].
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use graphite_proto::Overflow; page::run(async |graphite| {
    /// let builder = Client::builder().overflow(Overflow::DropOldest).queue_bytes(1024);
    /// let client = builder.connect_lazy("127.0.0.1:1")?; // Nobody listens there.
    /// for order in 0..1000 {
    ///     client.try_feed(("orders", order))?;
    /// }
    /// assert!(client.stats().dropped > 0);
    /// # Ok(()) });
    /// ```
    pub fn overflow(self, overflow: Overflow) -> Self {
        self.map(|config| config.overflow(overflow))
    }

    /// Sets what happens to NaN and the infinities. Default: [`NonFinite::Refuse`].
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use graphite_proto::NonFinite; page::run(async |graphite| {
    /// let client = Client::builder().non_finite(NonFinite::Skip).connect(graphite).await?;
    /// client.send_multiple([("load", 0.42), ("ratio", f64::NAN)]).await?;
    /// assert_eq!(client.stats().skipped, 1);
    /// # Ok(()) });
    /// ```
    pub fn non_finite(self, non_finite: NonFinite) -> Self {
        self.map(|config| config.non_finite(non_finite))
    }

    /// Sets what every path begins with; a dot is put between, unless the prefix ends in one.
    /// Default: nothing. It has no empty part, no white space and no control character, and leaves
    /// room for a point in a line.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().prefix("servers.web01").connect(graphite).await?;
    /// client.send(("load", 0.42)).await?;
    /// client.close().await?;
    /// assert!(received().starts_with("servers.web01.load 0.42 "));
    /// # Ok(()) });
    /// ```
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.map(|config| config.prefix(prefix))
    }

    /// Sets after how many failures in a row waiting callers get an error. Default: 3; from 1 to
    /// 4,294,967,295, which is as good as never.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use graphite_proto::client::ConnectError; page::run(async |graphite| {
    /// // Nobody listens there, which is told at once.
    /// let error = Client::builder().max_attempts(1).connect("127.0.0.1:1").await.unwrap_err();
    /// assert!(matches!(error, ConnectError::Unreachable(_)));
    /// # Ok(()) });
    /// ```
    pub fn max_attempts(self, attempts: u32) -> Self {
        self.map(|config| config.max_attempts(attempts))
    }

    /// Sets the delay after the first failure in a row and the longest that it doubles to.
    /// Default: 50 ms and 10 s. The first is from 1 ms to 1 hour, the longest from the first to
    /// 1 hour.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let builder = Client::builder().backoff(Duration::from_millis(200), Duration::from_secs(60));
    /// let client = builder.connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    pub fn backoff(self, initial: Duration, max: Duration) -> Self {
        self.map(|config| config.backoff(initial, max))
    }

    /// Sets the seed of the delays' jitter, any number. Default: random.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().seed(7).connect(graphite).await?; // The same delays each time.
    /// # Ok(()) });
    /// ```
    pub fn seed(self, seed: u64) -> Self {
        self.map(|config| config.seed(seed))
    }

    /// Sets how long an attempt to connect may take, for the name to be resolved and for each of
    /// its addresses, a handshake of TLS included. Default: 5 s; from 1 ms to 1 hour. A connector of
    /// your own brings its own time-out.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let builder = Client::builder().connect_timeout(Duration::from_secs(2));
    /// let client = builder.connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets after how long without progress in writing a connection is given up. Default: 30 s;
    /// from 1 ms to 1 hour.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let builder = Client::builder().write_timeout(Duration::from_secs(60));
    /// let client = builder.connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self.map(|config| config.write_timeout(timeout))
    }

    /// Sets how long a close, and every wait for the receiver's end of file, may take.
    /// Default: 10 s; from 50 ms, since in less no receiver can prove anything, to 1 hour.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let builder = Client::builder().close_timeout(Duration::from_millis(100));
    /// let client = builder.connect_lazy("127.0.0.1:1")?; // Nobody listens there.
    /// client.try_feed(("load", 0.42))?;
    /// assert_eq!(client.close().await.unwrap_err().undelivered, 1);
    /// # Ok(()) });
    /// ```
    pub fn close_timeout(self, timeout: Duration) -> Self {
        self.map(|config| config.close_timeout(timeout))
    }

    /// Sets how long an end of file of the receiver's that no end of ours had asked for is watched.
    /// Default: 3 s; from 1 ms to 1 hour. If it stands that long with no error behind it and
    /// nothing to send, it counts as the receiver's having read what was written before it, but for
    /// [`Delivery::Confirmed`]. Over TLS, and streams of one's own, nothing is written meanwhile: what
    /// is sent goes over the next connection.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let builder = Client::builder().settle_timeout(Duration::from_secs(1));
    /// let client = builder.connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    pub fn settle_timeout(self, timeout: Duration) -> Self {
        self.map(|config| config.settle_timeout(timeout))
    }

    /// Sets how many encoded bytes may be queued. Default: 4 MiB; from 1 to 1 GiB. An empty queue
    /// takes a single point of any length.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().queue_bytes(64 << 20).connect(graphite).await?; // 64 MiB
    /// # Ok(()) });
    /// ```
    pub fn queue_bytes(self, bytes: usize) -> Self {
        self.map(|config| config.queue_bytes(bytes))
    }

    /// Sets where a frame is sealed, in bytes. Default: 65,536; from 1, which makes every point a
    /// frame, to 1,048,576. Above an eighth of the queue that eighth is used, so that dropping a
    /// frame never drops most of a small queue.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().frame_bytes(16 << 10).connect(graphite).await?; // 16 KiB
    /// # Ok(()) });
    /// ```
    pub fn frame_bytes(self, bytes: usize) -> Self {
        self.map(|config| config.frame_bytes(bytes))
    }

    /// Sets the longest pickle that the receiver reads, in bytes. Default and most: 1,048,576,
    /// carbon's limit; the least is 64.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use graphite_proto::Protocol; page::run(async |graphite| {
    /// let builder = Client::builder().protocol(Protocol::Pickle).max_frame_bytes(65_536);
    /// let client = builder.connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    pub fn max_frame_bytes(self, bytes: usize) -> Self {
        self.map(|config| config.max_frame_bytes(bytes))
    }

    /// Sets after how long a healthy connection is ended in good order and made anew, so that a
    /// moved name is seen. Default: never; at most a year. However short the age, a connection
    /// first does something of what it was made for.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let hour = Duration::from_secs(3600);
    /// let client = Client::builder().max_connection_age(Some(hour)).connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    pub fn max_connection_age(self, age: Option<Duration>) -> Self {
        self.map(|config| config.max_connection_age(age))
    }

    /// Sets how long a written point stays in the window of [`Delivery::Replay`] where nothing
    /// can prove that it was read, and after which an end of file without a proof (TLS that is cut)
    /// no longer has it sent again. What counts is the time that it stood written on connections.
    /// Default: 60 s; at most a year.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let builder = Client::builder().replay_age(Duration::from_secs(30));
    /// let client = builder.connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    pub fn replay_age(self, age: Duration) -> Self {
        self.map(|config| config.replay_age(age))
    }

    /// Sets how long a written point may stay unproven under [`Delivery::Confirmed`].
    /// Default: 10 s; at most 1 hour.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; use graphite_proto::Delivery;
    /// # page::run(async |graphite| {
    /// let builder = Client::builder().delivery(Delivery::Confirmed { window: 8 << 20 });
    /// let client = builder.confirm_interval(Duration::from_secs(60)).connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    pub fn confirm_interval(self, interval: Duration) -> Self {
        self.map(|config| config.confirm_interval(interval))
    }

    /// Sets the shortest time between the starts of two proofs under [`Delivery::Confirmed`].
    /// Default: 10 ms; at most 1 hour.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; use graphite_proto::Delivery;
    /// # page::run(async |graphite| {
    /// let builder = Client::builder().delivery(Delivery::Confirmed { window: 8 << 20 });
    /// let client = builder.confirm_spacing(Duration::from_secs(1)).connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    pub fn confirm_spacing(self, spacing: Duration) -> Self {
        self.map(|config| config.confirm_spacing(spacing))
    }

    /// Sets how long points that are fed may wait for others to fill their frame. Default: 250 µs;
    /// at most 1 s; zero writes each as soon as it can be. After a pause the first few do not wait,
    /// nor do points that a `send`, a `flush` or a `close` waits for, or that take room which
    /// somebody needs. The runtime's timer may add to it: tokio's is exact to a millisecond or two.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let client = Client::builder().linger(Duration::ZERO).connect(graphite).await?;
    /// # Ok(()) });
    /// ```
    pub fn linger(self, linger: Duration) -> Self {
        self.map(|config| config.linger(linger))
    }

    /// Sets the socket's send buffer in bytes; the less, the less can be lost with it.
    /// Default: 256 KiB, which keeps about 1.4 MB in flight on Linux; from 4 KiB to 1 GiB, of which
    /// the system may allow less.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().send_buffer(16 << 10).connect(graphite).await?; // 16 KiB
    /// # Ok(()) });
    /// ```
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = bytes;
        self
    }

    /// Sets whom to tell what happens: connected, lost, gave up, replayed, confirmed, dropping;
    /// first of all a warning if the port is that of the other protocol, and at the end abandoned,
    /// if points are left that are not known to be delivered. It is called by the client's own
    /// task, so it should not block. A panic in it is caught and counted
    /// ([`event_panics`](crate::client::Client::event_panics)); the client goes on.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use graphite_proto::Level; page::run(async |graphite| {
    /// let builder = Client::builder().on_event(|event| match event.level() {
    ///     Level::Error | Level::Warn => eprintln!("graphite: {event}"),
    ///     _ => {} // Connected, sent again, proven: as it should be.
    /// });
    /// let client = builder.connect(graphite).await?;
    /// # Ok(()) });
    /// ```
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
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/tls.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// # use rustls::ClientConfig;
    /// # let (graphite, roots) = graphite_with_tls();
    /// // Or `TlsConfig::default()`, which trusts the roots of the system.
    /// let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    /// let client = Client::builder().tls(config).connect(graphite).await?;
    /// client.send(("load", 0.42)).await?;
    /// # Ok(()) });
    /// ```
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
