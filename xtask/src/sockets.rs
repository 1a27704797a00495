//! The kernel's tables of TCP and UDP sockets, as proc(5) shows them: who listens, who is connected,
//! and what stands unread. So nothing has to connect to see whether somebody is there.
//!
//! By hand, like the demo's figures: five columns are wanted of all that `/proc` holds.

use std::net::{SocketAddr, SocketAddrV4};

use crate::Result;

/// Its columns.
const LOCAL: usize = 1;
const REMOTE: usize = 2;
const STATE: usize = 3;
const QUEUES: usize = 4;
const INODE: usize = 9;
/// UDP's alone.
const DROPS: usize = 12;

const ESTABLISHED: &str = "01";
/// The other end has closed, this one has not yet.
const CLOSE_WAIT: &str = "08";
const LISTEN: &str = "0A";
/// Those in which one end or both may still hold bytes; a listener's queue counts connections. This
/// one has closed its side, but not the other, in 04 (on its way) and 05; each has, in 09 and 0B.
const HOLDS_BYTES: [&str; 6] = [ESTABLISHED, CLOSE_WAIT, "04", "05", "09", "0B"];

/// Returns whether it is this process that listens there.
pub(crate) fn listens(pid: u32, address: SocketAddr) -> Result<bool> {
    let table = table()?;
    let mut rows = rows(&table);
    let address = shown(address)?;
    let listener = rows.find(|row| row[LOCAL] == address && row[STATE] == LISTEN);
    Ok(listener.is_some_and(|row| holds(pid, row[INODE])))
}

/// Returns whether anybody still has the end of a connection to this address.
pub(crate) fn connected_to(address: SocketAddr) -> Result<bool> {
    let (table, address) = (table()?, shown(address)?);
    let open = |state| [ESTABLISHED, CLOSE_WAIT].contains(&state);
    Ok(rows(&table).any(|row| row[REMOTE] == address && open(row[STATE])))
}

/// Returns how many bytes were sent to the receiver at this address that it has not read: those in
/// its own buffers, and those for which there is no room in them, whichever side has ended. What
/// its kernel has not yet acknowledged counts twice.
pub(crate) fn unread(address: SocketAddr) -> Result<u64> {
    let (table, address) = (table()?, shown(address)?);
    let mut bytes = 0;
    for row in rows(&table).filter(|row| HOLDS_BYTES.contains(&row[STATE])) {
        let (sent, received) = row[QUEUES].split_once(':').ok_or("the kernel shows no queues")?;
        for (end, queue) in [(LOCAL, received), (REMOTE, sent)] {
            if row[end] == address {
                bytes += u64::from_str_radix(queue, 16)?;
            }
        }
    }
    Ok(bytes)
}

/// Returns how many bytes of datagrams, the kernel's own ones included, stand unread at this
/// address, and how many datagrams found no room there; nothing if nobody reads there.
pub(crate) fn datagrams(address: SocketAddr) -> Result<Option<(u64, u64)>> {
    let (table, address) = (crate::workspace::read("/proc/net/udp".as_ref())?, shown(address)?);
    let Some(row) = rows(&table).find(|row| row[LOCAL] == address) else { return Ok(None) };
    let (_, received) = row[QUEUES].split_once(':').ok_or("the kernel shows no queues")?;
    let dropped = row.get(DROPS).ok_or("the kernel shows no drops")?.parse()?;
    Ok(Some((u64::from_str_radix(received, 16)?, dropped)))
}

fn table() -> Result<String> {
    crate::workspace::read("/proc/net/tcp".as_ref())
}

fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.len() > INODE)
}

/// Writes an address as the table has it: the bytes as the machine's own number, all in hex.
fn shown(address: SocketAddr) -> Result<String> {
    let SocketAddr::V4(address) = address else {
        return Err(format!("{address}: not IPv4").into());
    };
    Ok(hex(address))
}

fn hex(address: SocketAddrV4) -> String {
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}

/// Returns whether a process has a socket among its files. One that has ended has none.
fn holds(pid: u32, inode: &str) -> bool {
    let wanted = format!("socket:[{inode}]");
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut targets = files.filter_map(|file| std::fs::read_link(file.path()).ok());
    targets.any(|target| target.as_os_str() == wanted.as_str())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn only_the_process_that_listens_is_seen() {
        let (own, parent) = (std::process::id(), std::os::unix::process::parent_id());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(listens(own, address).unwrap());
        assert!(!listens(parent, address).unwrap(), "somebody else's");
        drop(listener);
        assert!(!listens(own, address).unwrap());
    }

    #[test]
    fn datagrams_that_stand_unread_or_found_no_room_are_seen() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = receiver.local_addr().unwrap();
        assert_eq!(datagrams(address).unwrap(), Some((0, 0)));
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(&[0; 1000], address).unwrap();
        assert!(datagrams(address).unwrap().is_some_and(|(unread, _)| unread >= 1000));
        let mut sent = 1;
        while datagrams(address).unwrap().is_some_and(|(_, dropped)| dropped == 0) {
            sender.send_to(&[0; 1000], address).unwrap();
            sent += 1;
            assert!(sent < 1_000_000, "room without end");
        }
        receiver.recv(&mut [0; 1000]).unwrap();
        drop(receiver);
        assert_eq!(datagrams(address).unwrap(), None);
    }

    #[test]
    fn connections_and_what_stands_unread_are_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(!connected_to(address).unwrap());
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(&[0; 1000]).unwrap();
        let accepted = listener.accept().unwrap().0;
        assert!(connected_to(address).unwrap());
        // What is not acknowledged yet counts twice.
        while unread(address).unwrap() > 1000 {
            std::thread::yield_now();
        }
        assert_eq!(unread(address).unwrap(), 1000);
        accepted.shutdown(Shutdown::Write).unwrap();
        assert_eq!(unread(address).unwrap(), 1000, "half-closed");
        client.set_nonblocking(true).unwrap();
        let more = std::iter::from_fn(|| client.write(&[0; 10_000]).ok()).sum::<usize>();
        assert!(unread(address).unwrap() >= 1000 + more as u64, "with what finds no room");
        drop((accepted, listener));
        client.write_all(&[0]).unwrap_err();
        assert!(!connected_to(address).unwrap(), "it was reset");
    }
}
