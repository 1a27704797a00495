//! The receiver: a process of its own, so that what it dies of, its kernel makes of it.
//!
//! It reads as fast as it can, records each point before it takes it from the socket (see
//! [`super::record`]), and does as it is ordered on its standard input; when that ends it exits.

use std::fs::File;
use std::io::{self, BufRead as _, ErrorKind, Read as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use graphite_proto::{Protocol, Receiver};
use socket2::{Domain, Socket, Type};

use super::order::Order;
use super::point::Points;
use super::record::{Record, Writer};
use crate::sockets;

/// How much is read at a time, in bytes.
const READ: usize = 65_536;
/// How much a slow receiver reads each millisecond, in bytes.
const SLOW_READ: usize = 2048;
/// A piece that is no multiple of anything, so that it ends in the middle of a frame.
const ODD_READ: usize = 777;
/// How often an idle receiver looks for orders.
const LOOK: Duration = Duration::from_millis(5);
/// How long after it has shut down writing a receiver begins to close.
const MOMENT: Duration = Duration::from_millis(20);
/// How long a receiver goes on reading before it closes, if there always is something to read.
const LAST_READS: Duration = Duration::from_millis(300);

/// Runs the receiver until it is ordered to end.
pub(super) fn run(protocol: Protocol, port: u16, buffer: Option<usize>) -> crate::Result {
    let mut server = Server {
        protocol,
        address: (Ipv4Addr::LOCALHOST, port).into(),
        orders: orders(),
        points: Points::new(),
        writer: Writer::default(),
        pipe: File::from(io::stdout().as_fd().try_clone_to_owned()?),
        bytes: vec![0; READ],
        refusals: 0,
        shut_downs: 0,
        half_open: false,
        held: None,
    };
    let listener = listen(port, buffer)?;
    server.tell(Record::Listening(port))?;
    loop {
        let Ok((stream, _)) = listener.accept() else {
            if server.idle() == After::Exit {
                return Ok(());
            }
            continue;
        };
        stream.set_nonblocking(false)?;
        if server.refusals > 0 {
            drop(stream);
            server.refusals -= 1;
            if server.refusals == 0 {
                server.tell(Record::Done)?;
            }
            continue;
        }
        if server.half_open {
            // It may be gone already.
            let _ = stream.shutdown(Shutdown::Write);
        }
        server.tell(Record::Accepted)?;
        if server.serve(stream)? == After::Exit {
            return Ok(());
        }
    }
}

fn listen(port: u16, buffer: Option<usize>) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(128)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Takes orders in a thread that also ends the process with the one that started it.
fn orders() -> mpsc::Receiver<Order> {
    let (sender, orders) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Some(order) = line.ok().as_deref().and_then(Order::parse) else { break };
            if sender.send(order).is_err() {
                break;
            }
        }
        std::process::exit(0);
    });
    orders
}

/// What follows a connection.
#[derive(PartialEq)]
enum After {
    Next,
    Exit,
}

/// What a look at the socket found.
#[derive(PartialEq)]
enum Look {
    Bytes,
    Nothing,
    End,
}

struct Server {
    protocol: Protocol,
    address: SocketAddr,
    orders: mpsc::Receiver<Order>,
    points: Points,
    writer: Writer,
    pipe: File,
    bytes: Vec<u8>,
    /// How many connections are still to be closed as soon as they are accepted.
    refusals: u32,
    /// How many are still to be shut down and closed once they have brought something.
    shut_downs: u32,
    /// Whether writing is shut down on connections as soon as they are accepted.
    half_open: bool,
    /// An order that waits for a connection.
    held: Option<Order>,
}

impl Server {
    fn tell(&mut self, record: Record) -> io::Result<()> {
        self.writer.put(record);
        self.writer.flush(&mut self.pipe)
    }

    /// Tells what a connection that is closed next has left to read.
    fn leave(&mut self) -> crate::Result {
        let bytes = sockets::unread(self.address)?;
        Ok(self.tell(Record::Left(bytes))?)
    }

    /// Without a connection the one order to be carried out is to end.
    fn idle(&mut self) -> After {
        thread::sleep(Duration::from_millis(1));
        self.held = self.held.or_else(|| self.orders.try_recv().ok());
        if self.held == Some(Order::Close) { After::Exit } else { After::Next }
    }

    fn serve(&mut self, stream: TcpStream) -> crate::Result<After> {
        let mut receiver = Receiver::new(self.protocol);
        stream.set_read_timeout(Some(LOOK))?;
        let (mut slow, mut brought) = (None, false);
        loop {
            match self.held.take().or_else(|| self.orders.try_recv().ok()) {
                Some(Order::Close) => return self.close(stream, receiver, After::Exit),
                Some(Order::CloseAndGoOn) => return self.close(stream, receiver, After::Next),
                Some(Order::CloseInFrame) => return self.close_in_frame(stream, receiver),
                Some(Order::Refuse(connections)) => {
                    self.refusals = connections;
                    self.leave()?;
                    return Ok(After::Next);
                }
                Some(Order::ShutDown(connections)) => {
                    (self.shut_downs, brought) = (connections, true);
                }
                Some(Order::HalfOpen) => {
                    self.half_open = true;
                    return self.close(stream, receiver, After::Next);
                }
                Some(Order::Pause(time)) => {
                    thread::sleep(time);
                    self.tell(Record::Done)?;
                }
                Some(Order::ReadSlowly(time)) => slow = Some(Instant::now() + time),
                None => {}
            }
            if brought && self.shut_downs > 0 {
                return self.shut_down(stream, receiver);
            }
            let piece = if slow.is_some() { SLOW_READ } else { READ };
            let look = self.look(&stream, &mut receiver, piece)?;
            brought |= look == Look::Bytes;
            if look == Look::End {
                if slow.is_some() {
                    self.tell(Record::Done)?;
                }
                return Ok(After::Next);
            }
            if let Some(until) = slow {
                thread::sleep(Duration::from_millis(1));
                if Instant::now() >= until {
                    slow = None;
                    self.tell(Record::Done)?;
                }
            }
        }
    }

    /// Closes a connection with everything read, says so, and goes on or not.
    fn close(
        &mut self,
        stream: TcpStream,
        receiver: Receiver,
        then: After,
    ) -> crate::Result<After> {
        self.drain(stream, receiver)?;
        self.tell(Record::Done)?;
        Ok(then)
    }

    /// Shuts down writing, reads on for a moment and closes with everything read.
    fn shut_down(&mut self, stream: TcpStream, mut receiver: Receiver) -> crate::Result<After> {
        let _ = stream.shutdown(Shutdown::Write);
        let end = Instant::now() + MOMENT;
        while Instant::now() < end && self.look(&stream, &mut receiver, READ)? != Look::End {}
        self.drain(stream, receiver)?;
        self.shut_downs -= 1;
        if self.shut_downs == 0 {
            self.tell(Record::Done)?;
        }
        Ok(After::Next)
    }

    /// Reads until there is nothing left to read, then closes. What is left is measured only if
    /// time ran out: bytes that came while it is measured would be left unread for that.
    fn drain(&mut self, stream: TcpStream, mut receiver: Receiver) -> crate::Result {
        stream.set_nonblocking(true)?;
        let end = Instant::now() + LAST_READS;
        while self.look(&stream, &mut receiver, READ)? == Look::Bytes {
            if Instant::now() >= end {
                return self.leave();
            }
        }
        Ok(())
    }

    /// Reads small pieces until one ends within a line or a pickle, then closes.
    fn close_in_frame(
        &mut self,
        stream: TcpStream,
        mut receiver: Receiver,
    ) -> crate::Result<After> {
        let end = Instant::now() + LAST_READS;
        while Instant::now() < end {
            let look = self.look(&stream, &mut receiver, ODD_READ)?;
            if look == Look::End || (look == Look::Bytes && receiver.pending_bytes() > 0) {
                break;
            }
        }
        self.leave()?;
        drop(stream);
        self.tell(Record::Done)?;
        Ok(After::Exit)
    }

    /// Decodes what has come, records it, and only then takes it from the socket.
    fn look(
        &mut self,
        mut stream: &TcpStream,
        receiver: &mut Receiver,
        most: usize,
    ) -> io::Result<Look> {
        let count = match stream.peek(&mut self.bytes[..most]) {
            Ok(0) => return Ok(Look::End),
            Ok(count) => count,
            Err(error) => {
                let waits = [ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::Interrupted];
                return Ok(if waits.contains(&error.kind()) { Look::Nothing } else { Look::End });
            }
        };
        receiver.receive(&self.bytes[..count]);
        while let Some(metric) = receiver.next_metric() {
            match metric.ok().and_then(|metric| self.points.number(&metric)) {
                Some(number) => self.writer.point(number),
                None => self.writer.put(Record::Corrupt),
            }
        }
        self.writer.flush(&mut self.pipe)?;
        let taken = stream.read_exact(&mut self.bytes[..count]);
        Ok(if taken.is_ok() { Look::Bytes } else { Look::End })
    }
}
