//! Sends points to a Unix socket, on which carbon-c-relay can listen:
//! `cargo run -p graphite-client-tokio --example unix_socket PATH [NAME=VALUE...]`

use graphite_client_tokio::{Client, Metric};
use tokio::net::UnixStream;

/// What is sent if nothing is given.
const POINT: &str = "servers.web01.load=0.42";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which socket?")?;
    let mut points: Vec<String> = arguments.collect();
    if points.is_empty() {
        points.push(POINT.to_owned());
    }

    // Called again after each connection that ended. This one needs no time-out of its own, since a
    // Unix socket connects or refuses at once; what goes over a network does.
    //
    // A closure does not tell what of a stream is unacknowledged, so that `close` takes the end of
    // file that answers its own for the proof of reading. On a Unix socket it is one: a receiver
    // that closes with something unread makes the kernel say that the connection was reset. For
    // streams of which that is not so, implement `Connector::unacknowledged` on a type of your own.
    let connector = move || UnixStream::connect(path.clone());
    let client = Client::builder().connect_with(connector).await?;
    for point in &points {
        let (name, value) = point.split_once('=').ok_or("a point is NAME=VALUE")?;
        client.feed(Metric::new(name, value.parse::<f64>()?)).await?;
    }
    client.close().await?;
    Ok(())
}
