//! The client on smol, all of it: `cargo run -p graphite-proto --features client --example smol HOST`
//! sends a point. To use it, copy all but `main` into a module, not named smol, and depend on
//! fastrand, libc, smol and socket2. `PROVES`, `written`, `has_left` and `in_queue` may be left out,
//! for more repeats; the other clients also have `try_write` and `TCP_USER_TIMEOUT`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)] // A runtime is where I/O is.

use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use graphite_proto::client::{self, Adopt, Runtime, TcpOptions, Written};
use graphite_proto::{Instant, Timestamp};
use smol::Async;
use smol::io::{AsyncRead, AsyncWrite};
use socket2::{SockRef, TcpKeepalive};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graphite = std::env::args().nth(1).unwrap_or_else(|| "localhost".to_owned());
    smol::block_on(async {
        let client = client::Client::<Smol>::connect(graphite).await?;
        client.send(("servers.web01.load", 0.42)).await?;
        client.close().await?;
        Ok(())
    })
}

/// smol's global executor.
#[derive(Clone, Copy, Default)]
pub(crate) struct Smol;

static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

impl Runtime for Smol {
    type Tcp = Tcp;
    type Timer = Timer;

    const PROVES: bool = cfg!(target_os = "linux");

    fn now(&self) -> Instant {
        START.elapsed().into()
    }

    fn timestamp(&self) -> Timestamp {
        SystemTime::now().into()
    }

    fn time_of_day(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    fn seed(&self) -> u64 {
        fastrand::u64(..)
    }

    fn timer(&self) -> Timer {
        Timer(smol::Timer::never())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(task).detach();
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        smol::net::resolve((host, port)).await
    }

    async fn connect(&self, address: SocketAddr, options: TcpOptions) -> io::Result<Tcp> {
        let stream = Async::<TcpStream>::connect(address).await?;
        let socket = SockRef::from(&stream);
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_send_buffer_size(options.send_buffer);
        let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(options.keepalive));
        Ok(Tcp(stream))
    }
}

pub(crate) struct Timer(smol::Timer);

impl client::Timer for Timer {
    fn poll_until(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        self.0.set_at(*START + deadline.elapsed());
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}

pub(crate) struct Tcp(Async<TcpStream>);

impl client::Tcp for Tcp {
    fn poll_read(&self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &self.0).poll_read(cx, bytes)
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &self.0).poll_write(cx, bytes)
    }

    fn finish(&self) -> io::Result<()> {
        self.0.get_ref().shutdown(Shutdown::Write)
    }

    fn abort(&self) {
        let _ = SockRef::from(&self.0).set_linger(Some(Duration::ZERO));
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }

    #[cfg(target_os = "linux")]
    fn written(&self) -> Option<Written> {
        let queued = in_queue(&self.0, libc::TIOCOUTQ);
        let (unacknowledged, failed) = queued.map_or_else(|e| (0, Some(e)), |bytes| (bytes, None));
        let error = self.0.get_ref().take_error().unwrap_or_else(Some);
        Some(Written::new(unacknowledged, error.or(failed)))
    }

    #[cfg(target_os = "linux")]
    fn has_left(&self) -> bool {
        matches!(in_queue(&self.0, 0x894B), Ok(0)) // SIOCOUTQNSD: what was not sent yet.
    }
}

#[cfg(target_os = "linux")]
fn in_queue(stream: &Async<TcpStream>, request: libc::Ioctl) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is that of a live stream, and both requests write one c_int.
    let result =
        unsafe { libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(stream), request, &raw mut bytes) };
    if result == 0 { Ok(bytes.unsigned_abs() as usize) } else { Err(io::Error::last_os_error()) }
}

/// Every stream whose `close` ends its writing side, as in `smol::net`; `Async` only flushes.
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Adopt<S> for Smol {
    fn poll_read(stream: &mut S, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(stream).poll_read(cx, buf)
    }

    fn poll_write(stream: &mut S, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(stream).poll_write(cx, bytes)
    }

    fn poll_flush(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_finish(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(stream).poll_close(cx)
    }
}
