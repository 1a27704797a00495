//! A TCP connection's options, and what its kernel knows: what is acknowledged, what is pending.
//!
//! The proof of reading rests on it. Not here: reading and writing in turn with other tasks
//! ([`crate::driver`]).

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::runtime::TcpStream;

/// A `TCP_USER_TIMEOUT` below this would end connections whose receiver only pauses: it also runs
/// while the window is zero.
const SHORTEST_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// What is set on every connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketOptions {
    pub(crate) send_buffer: usize,
    pub(crate) write_timeout: Duration,
}

/// Sets the options of a new connection. What a system does not know is left as it is: none of
/// them is needed to be right, only to be quick.
pub(crate) fn configure(stream: &TcpStream, options: SocketOptions) {
    let socket = SockRef::from(stream);
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_send_buffer_size(options.send_buffer);
    let probes = TcpKeepalive::new().with_time(Duration::from_secs(60));
    let _ = socket.set_tcp_keepalive(&probes);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(options.write_timeout.max(SHORTEST_USER_TIMEOUT)));
}

/// Makes the close that follows an abort: what the kernel still holds is thrown away.
pub(crate) fn abort(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Closes the writing side, so that the receiver sees an end of file.
pub(crate) fn finish(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).shutdown(Shutdown::Write)
}

/// Whether the system can tell what the receiver's kernel has acknowledged.
pub(crate) const PROVES: bool = cfg!(target_os = "linux");

/// What the kernel knows of what was written to a connection.
#[derive(Debug)]
pub(crate) struct Written {
    /// How many bytes the receiver's kernel has not acknowledged, our own end after a half-close
    /// counted as one; a reset leaves the count as it was.
    pub(crate) unacknowledged: usize,
    /// What the connection died of, which the kernel tells once: keep it. A receiver that dies with
    /// unread bytes resets, and one that had closed just before our last bytes leaves an error too.
    pub(crate) error: Option<io::Error>,
}

/// Returns what the kernel knows of what was written; nothing where the system cannot tell.
#[cfg(target_os = "linux")]
pub(crate) fn written(stream: &TcpStream) -> Option<Written> {
    // In this order: what is acknowledged after the count does no harm, an error before it would.
    let (unacknowledged, failed) = match in_queue(stream, libc::TIOCOUTQ) {
        Ok(bytes) => (bytes, None),
        Err(error) => (0, Some(error)),
    };
    let error = SockRef::from(stream).take_error().unwrap_or_else(Some);
    Some(Written { unacknowledged, error: error.or(failed) })
}

/// Elsewhere an end of file that answers our half-close has to do.
#[cfg(not(target_os = "linux"))]
pub(crate) fn written(_stream: &TcpStream) -> Option<Written> {
    None
}

/// Returns whether all that was written has left for the receiver; a closed window holds it back.
#[cfg(target_os = "linux")]
pub(crate) fn has_left(stream: &TcpStream) -> bool {
    /// From linux/sockios.h: the bytes that were not sent yet.
    const SIOCOUTQNSD: libc::Ioctl = 0x894B;
    matches!(in_queue(stream, SIOCOUTQNSD), Ok(0))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn has_left(_stream: &TcpStream) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn in_queue(stream: &TcpStream, request: libc::Ioctl) -> io::Result<usize> {
    use std::os::fd::{AsFd as _, AsRawFd as _};

    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is borrowed from a live stream, and both requests write one c_int to
    // where the pointer leads. No kept crate wraps them safely.
    #[expect(unsafe_code, reason = "see SAFETY")]
    let result = unsafe { libc::ioctl(stream.as_fd().as_raw_fd(), request, &raw mut bytes) };
    if result == 0 { Ok(bytes.unsigned_abs() as usize) } else { Err(io::Error::last_os_error()) }
}

/// Writes at once, without waiting, as much as the kernel takes; nothing if the receiver was
/// heard of since, since the point must not be trusted to a connection that is over.
#[cfg(target_os = "linux")]
pub(crate) fn try_write(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let socket = SockRef::from(stream);
    let mut byte = [std::mem::MaybeUninit::uninit()];
    match socket.recv_with_flags(&mut byte, libc::MSG_PEEK | libc::MSG_DONTWAIT) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            socket.send_with_flags(bytes, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
        }
        Err(error) => Err(error),
        Ok(_) => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// Elsewhere the driver does every write.
#[cfg(not(target_os = "linux"))]
pub(crate) fn try_write(_stream: &TcpStream, _bytes: &[u8]) -> io::Result<usize> {
    Err(io::ErrorKind::WouldBlock.into())
}
