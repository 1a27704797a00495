//! A TCP connection of async-std's: its options, and what its kernel knows of what was written,
//! which the proof of reading rests on.
//!
//! Not here: any rule of what follows from it. The client of tokio and the example of smol in
//! `graphite-proto` ask the kernel in the same words.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_std::net::TcpStream;
use futures::io::{AsyncRead as _, AsyncWrite as _};
use graphite_proto::client::{self, TcpOptions};
use socket2::{SockRef, TcpKeepalive};

/// Whether the system can tell what the receiver's kernel has acknowledged.
pub(crate) const PROVES: bool = cfg!(target_os = "linux");

/// A TCP stream of async-std's.
#[derive(Debug)]
pub struct Tcp(TcpStream);

impl Tcp {
    /// Connects and sets the options that the system knows.
    pub(crate) async fn connect(address: SocketAddr, options: TcpOptions) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let socket = SockRef::from(&stream);
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_send_buffer_size(options.send_buffer);
        let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(options.keepalive));
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(options.user_timeout));
        Ok(Self(stream))
    }

    #[cfg(target_os = "linux")]
    fn in_queue(&self, request: libc::Ioctl) -> io::Result<usize> {
        use std::os::fd::{AsFd as _, AsRawFd as _};

        let mut bytes: libc::c_int = 0;
        // SAFETY: the descriptor is borrowed from a live stream, and both requests write one c_int
        // to where the pointer leads. No kept crate wraps them safely.
        #[expect(unsafe_code, reason = "see SAFETY")]
        let result = unsafe { libc::ioctl(self.0.as_fd().as_raw_fd(), request, &raw mut bytes) };
        if result == 0 {
            Ok(bytes.unsigned_abs() as usize)
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

impl client::Tcp for Tcp {
    fn poll_read(&self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &self.0).poll_read(cx, bytes)
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &self.0).poll_write(cx, bytes)
    }

    fn finish(&self) -> io::Result<()> {
        SockRef::from(&self.0).shutdown(Shutdown::Write)
    }

    fn abort(&self) {
        let _ = SockRef::from(&self.0).set_linger(Some(Duration::ZERO));
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    #[cfg(target_os = "linux")]
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let socket = SockRef::from(&self.0);
        let mut byte = [std::mem::MaybeUninit::uninit()];
        match socket.recv_with_flags(&mut byte, libc::MSG_PEEK | libc::MSG_DONTWAIT) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.try_write_again(bytes),
            Err(error) => Err(error),
            Ok(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    #[cfg(target_os = "linux")]
    fn try_write_again(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        SockRef::from(&self.0).send_with_flags(bytes, flags)
    }

    #[cfg(target_os = "linux")]
    fn written(&self) -> Option<client::Written> {
        let (unacknowledged, failed) = match self.in_queue(libc::TIOCOUTQ) {
            Ok(bytes) => (bytes, None),
            Err(error) => (0, Some(error)),
        };
        let error = SockRef::from(&self.0).take_error().unwrap_or_else(Some);
        Some(client::Written::new(unacknowledged, error.or(failed)))
    }

    #[cfg(target_os = "linux")]
    fn has_left(&self) -> bool {
        /// From linux/sockios.h: the bytes that were not sent yet.
        const SIOCOUTQNSD: libc::Ioctl = 0x894B;
        matches!(self.in_queue(SIOCOUTQNSD), Ok(0))
    }
}
