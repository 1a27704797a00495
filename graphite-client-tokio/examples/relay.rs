//! Takes lines and sends them on as pickles, until SIGTERM or Ctrl-C:
//! `cargo run -p graphite-client-tokio --example relay HOST [ADDRESS]`
//!
//! The address is where it listens, 127.0.0.1:2003 by default. Lines are read only as fast as the
//! client takes them, so that an outage of the receiver holds up the senders and loses nothing; a bad
//! line costs only itself. Not here: rules, hashing or more than one receiver.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example has no log")]

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use graphite_client_tokio::proto::Receiver;
use graphite_client_tokio::{Client, Metric, Protocol, SendError};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long what was read may wait for room after the relay was told to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Queues a point; in an outage it waits until there is room, and so do the connection's next ones.
async fn feed(client: &Client, point: &Metric<'_>) -> Result<(), SendError> {
    loop {
        match client.feed(point).await {
            // At the third failed attempt, and at each one after it. An event tells of the outage.
            Err(SendError::Full(_)) => {}
            done => return done,
        }
    }
}

/// Sends on what a connection has brought: all of it, so that not more than a read and a line is
/// ever held.
async fn pass_on(receiver: &mut Receiver, peer: SocketAddr, client: &Client) -> io::Result<()> {
    while let Some(read) = receiver.next_metric() {
        let point = match read {
            Ok(point) if point.timestamp().is_none() => point.at(SystemTime::now()),
            Ok(point) => point,
            Err(error) => {
                eprintln!("{peer}: {error}");
                continue;
            }
        };
        match feed(client, &point).await {
            // Such as a name with a control character.
            Err(SendError::Metric(error)) => eprintln!("{peer}: {error}"),
            fed => fed.map_err(io::Error::other)?,
        }
    }
    Ok(())
}

/// Relays a connection, until its end or the relay's.
async fn relay(
    mut stream: TcpStream,
    peer: SocketAddr,
    client: &Client,
    end: &mut watch::Receiver<bool>,
) -> io::Result<()> {
    let mut receiver = Receiver::new(Protocol::Plaintext);
    let mut bytes = vec![0; 65_536];
    let mut is_last = false;
    // A line that is too long ends it, as carbon does.
    while !is_last && !receiver.is_ended() {
        let count = tokio::select! {
            biased;
            _ = end.wait_for(|end| *end) => {
                is_last = true;
                // What has come in meanwhile, but not all that a sender may go on to send.
                stream.try_read(&mut bytes).unwrap_or(0)
            }
            count = stream.read(&mut bytes) => count?,
        };
        is_last |= count == 0;
        receiver.receive(&bytes[..count]);
        pass_on(&mut receiver, peer, client).await?;
    }
    match receiver.pending_bytes() {
        0 => {}
        // It may look whole, with a wrong value or time.
        torn => eprintln!("{peer}: ended within a line, of which {torn} bytes are dropped"),
    }
    // The stream is dropped only now: its end of file tells the sender that all was read. If
    // anything was not, the kernel resets the connection instead.
    Ok(())
}

/// Accepts connections for ever, each to a task of its own.
async fn serve(listener: TcpListener, client: &Client, end: &watch::Sender<bool>) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                eprintln!("accept: {error}");
                // With no file descriptor left it would fail again and again.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (client, mut end) = (client.clone(), end.subscribe());
        tokio::spawn(async move {
            if let Err(error) = relay(stream, peer, &client, &mut end).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let graphite = arguments.next().unwrap_or_else(|| "localhost".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:2003".to_owned());

    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(address).await?;
    let client = Client::builder()
        .protocol(Protocol::Pickle)
        .on_event(|event| eprintln!("graphite: {event}"))
        .connect_lazy(graphite)?;
    println!("listening on {}", listener.local_addr()?);
    // It tells the connections to end, and knows when all have.
    let end = watch::Sender::new(false);
    tokio::select! {
        () = serve(listener, &client, &end) => {}
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }

    end.send_replace(true);
    let ended = tokio::time::timeout(PATIENCE, end.closed()).await.is_ok();
    if !ended {
        eprintln!("{} connections are cut off amid what they brought", end.receiver_count());
    }
    if let Err(error) = client.close().await {
        eprintln!("graphite: {error}");
        return Ok(ExitCode::FAILURE);
    }
    Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
