//! What a runtime gives to a client, in one page: [`Runtime`], its [`Timer`], its [`Tcp`], and how
//! it moves the bytes of other streams, [`Adopt`].
//!
//! Everything that touches the world comes in here, and nowhere else. Not here: any rule of when to
//! connect, send or give up.

use core::net::SocketAddr;
use std::future::Future;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::instant::Instant;
use crate::value::Timestamp;

/// A runtime: clock, timers, tasks, names and TCP.
///
/// A value of it belongs to each client, whose tasks hold clones: it may be a handle by which the
/// runtime is reached, but never what owns the runtime, which would then be dropped by its own
/// task. With [`Default`] a client begins by [`Client::builder`](super::Client::builder), else by
/// [`Client::builder_on`](super::Client::builder_on).
///
/// Tasks move between threads: a runtime that cannot run a `Send` future has no place here.
/// `graphite-proto/examples/smol.rs` implements all of it in one file.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// # use graphite_proto::client::{Client, Runtime};
/// // Once the trait is implemented for `Smol`, the client is there.
/// let client = Client::<Smol>::connect(graphite).await?;
/// client.send(("load", 0.42)).await?;
/// client.close().await?;
/// # fn is<R: Runtime>() {} is::<Smol>();
/// # Ok(()) });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a runtime for a Graphite client",
    note = "implement `graphite_proto::client::Runtime` for it, as the examples of the crate do"
)]
pub trait Runtime: Clone + Send + Sync + 'static {
    /// A TCP connection.
    type Tcp: Tcp;

    /// A timer.
    type Timer: Timer;

    /// Whether [`Tcp::written`] tells what the receiver's kernel has acknowledged. Where it does
    /// not, an end of file that answers our half-close has to do as a proof of reading.
    const PROVES: bool = false;

    /// Reads the clock: the time since a start that is the same for this value and its clones, and
    /// never goes backwards. Called under the client's lock: it must not block, nor call a client.
    fn now(&self) -> Instant;

    /// Reads the time of day, for points without a time of their own. Called under the client's
    /// lock: it must not block, nor call a client.
    fn timestamp(&self) -> Timestamp;

    /// Reads the time of day, as the time since the Unix epoch, for what is done at round times. It
    /// goes as [`now`](Self::now) does: where a test can make that clock leap, this one leaps along.
    /// By default the whole seconds of [`timestamp`](Self::timestamp), by which reports come up to
    /// a second late.
    fn time_of_day(&self) -> Duration {
        Duration::from_secs(self.timestamp().seconds().try_into().unwrap_or(0))
    }

    /// Returns a number that other clients hardly get, for the jitter of delays.
    fn seed(&self) -> u64;

    /// Makes a timer. The first is made where the client begins, the others in its task.
    #[track_caller]
    fn timer(&self) -> Self::Timer;

    /// Runs a task of the client's to its end, or drops it when the runtime ends; not within this
    /// call. The first is spawned where the client begins, the others from that one.
    #[track_caller]
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// Resolves a name. It may take long: attempts that are in a hurry do not wait for it, and none
    /// asks again before it is done. But it must not block its thread, nor hold up the runtime's
    /// end: what cannot be cancelled belongs on a thread of its own, or on a pool that nobody waits
    /// for.
    ///
    /// # Errors
    ///
    /// The cause, which waiters see after the last attempt.
    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Connects and sets the options; the client brings the time-out, and drops the future then.
    ///
    /// # Errors
    ///
    /// The cause, which waiters see after the last attempt.
    fn connect(
        &self,
        address: SocketAddr,
        options: TcpOptions,
    ) -> impl Future<Output = io::Result<Self::Tcp>> + Send;
}

/// A timer that can be set anew.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; use graphite_proto::client::{Runtime as _, Timer as _};
/// # page::run(async |graphite| {
/// let timer = &mut Smol.timer();
/// let deadline = Smol.now() + std::time::Duration::from_millis(5);
/// std::future::poll_fn(|cx| timer.poll_until(deadline, cx)).await;
/// assert!(Smol.now() >= deadline);
/// # Ok(()) });
/// ```
pub trait Timer: Send + Unpin + 'static {
    /// Waits until [`Runtime::now`] has reached `deadline`, which lies a year ahead at most, or is
    /// past: then it is ready at once. Each poll may bring another deadline, and the last one
    /// counts, also after one was reached. Waking the task too early is harmless; to be ready too
    /// early makes it run for nothing until it is time.
    fn poll_until(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()>;
}

/// What is set on a TCP connection, with `TCP_NODELAY`. None is needed to be right, only to be
/// quick: what a system or a runtime does not know, or what comes to be here later, is left as it
/// is.
///
/// ```
/// use std::time::Duration;
///
/// let options = graphite_proto::client::TcpOptions::new(256 << 10, Duration::from_secs(5));
/// assert_eq!(options.user_timeout, Duration::from_secs(30)); // The least.
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpOptions {
    /// `SO_SNDBUF`, in bytes.
    pub send_buffer: usize,
    /// The idle time before the first keep-alive probe.
    pub keepalive: Duration,
    /// `TCP_USER_TIMEOUT`.
    pub user_timeout: Duration,
}

impl TcpOptions {
    /// A shorter `TCP_USER_TIMEOUT` would end connections whose receiver only pauses: it also runs
    /// while the window is zero.
    const SHORTEST_USER_TIMEOUT: Duration = Duration::from_secs(30);

    /// Makes the options of a client with such a send buffer, in bytes, and time-out of writing.
    pub fn new(send_buffer: usize, write_timeout: Duration) -> Self {
        let user_timeout = write_timeout.max(Self::SHORTEST_USER_TIMEOUT);
        Self { send_buffer, keepalive: Duration::from_secs(60), user_timeout }
    }
}

/// A TCP connection, which the client's task shares with callers that write without waiting.
/// Dropping it closes it.
///
/// Only the client's task polls. It waits for reading and for writing at the same time, so that
/// each of the two keeps a waker, the latest.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use graphite_proto::client::{Runtime as _, Tcp as _, TcpOptions};
/// # use page::*; use std::time::Duration;
/// # page::run(async |graphite| {
/// let tcp = Smol.connect(graphite, TcpOptions::new(64 << 10, Duration::from_secs(30))).await?;
/// let written = std::future::poll_fn(|cx| tcp.poll_write(cx, b"load 0.42 1700000000\n")).await?;
/// assert!(written > 0);
/// tcp.finish()?; // The receiver reads an end, and answers it:
/// assert_eq!(std::future::poll_fn(|cx| tcp.poll_read(cx, &mut [0])).await?, 0);
/// # Ok(()) });
/// ```
pub trait Tcp: Send + Sync + 'static {
    /// Reads; 0 is the receiver's end of file. It asks the kernel first, and waits for a reactor's
    /// word only if that has nothing: an end of file must be seen before the next point is written.
    fn poll_read(&self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes as much as there is room for; 0 bytes of some are a failure.
    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Closes the writing side, so that the receiver sees an end of file.
    ///
    /// # Errors
    ///
    /// What the connection died of.
    fn finish(&self) -> io::Result<()>;

    /// Has the close that follows throw away what the kernel still holds (zero linger), so that
    /// bytes that were given up cannot arrive later. Where a system cannot do that, they may:
    /// points that were sent again then arrive twice, and in another order.
    fn abort(&self);

    /// Returns our own address.
    ///
    /// # Errors
    ///
    /// What the connection died of.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Writes at once, without waiting, as much as the kernel takes; nothing if anything was heard
    /// of the receiver, since a point must not be trusted to a connection that is over. Called by
    /// whoever calls the client, at times under its lock: it must not block, nor call a client.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) leaves the write to the client's task: for want of
    /// room, since something was heard, or always, as by default; a `send` then costs a change of
    /// task. Anything else is what the connection died of.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let _ = bytes;
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Does the same right after such a write took everything: the look for the receiver's end may
    /// be left out, which is a system call.
    ///
    /// # Errors
    ///
    /// The same.
    fn try_write_again(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write(bytes)
    }

    /// Returns what the kernel knows of what was written: always something where
    /// [`Runtime::PROVES`], an error if the kernel does not say; by default nothing. The client
    /// keeps an error that is returned.
    fn written(&self) -> Option<Written> {
        None
    }

    /// Returns whether all that was written has left for the receiver; a closed window holds it
    /// back. By default it has not: a point that meets a connection which the receiver has closed
    /// is then sent again with what came before it, instead of alone.
    fn has_left(&self) -> bool {
        false
    }
}

/// What the kernel knows of what was written to a connection. To be read in this order: what is
/// acknowledged after the count does no harm, an error before it would.
///
/// ```
/// let all = graphite_proto::client::Written::new(0, None);
/// assert!(all.unacknowledged == 0 && all.error.is_none());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Written {
    /// How many bytes the receiver's kernel has not acknowledged, our own end after a half-close
    /// counted as one; a reset leaves the count as it was. On Linux `TIOCOUTQ`.
    pub unacknowledged: usize,
    /// What the connection died of, which the kernel tells once (`SO_ERROR`): keep it. A receiver
    /// that dies with unread bytes resets, and one that had closed just before our last bytes
    /// leaves an error too.
    pub error: Option<io::Error>,
}

impl Written {
    /// Tells what the kernel knows.
    pub fn new(unacknowledged: usize, error: Option<io::Error>) -> Self {
        Self { unacknowledged, error }
    }
}

/// A runtime that moves the bytes of streams of another kind, which a
/// [`Connector`](super::Connector) makes: TLS, Unix sockets, whatever has the runtime's
/// traits for reading and writing.
///
/// The functions stand with the runtime and not with the stream, so that a crate can provide them
/// for every stream there is: `impl<S: AsyncRead + AsyncWrite> Adopt<S> for MyRuntime`. And the
/// streams stay what they are: nothing has to be wrapped.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// // `Smol` adopts every stream with the traits of `futures`.
/// let connect = move || smol::net::TcpStream::connect(graphite);
/// let client = Client::builder().connect_with(connect).await?;
/// client.send(("load", 0.42)).await?;
/// # Ok(()) });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot move the bytes of `{S}`",
    label = "the connector's stream needs this runtime's traits for reading and writing"
)]
pub trait Adopt<S>: Runtime {
    /// Reads.
    fn poll_read(stream: &mut S, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes as much as there is room for.
    fn poll_write(stream: &mut S, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Writes what the stream holds back.
    fn poll_flush(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Closes the writing side only, so that the receiver sees an end of file. Some streams only
    /// flush when their traits close them, as those of async-std and `async_io::Async` do: without
    /// that end no `close` is ever answered.
    fn poll_finish(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}
