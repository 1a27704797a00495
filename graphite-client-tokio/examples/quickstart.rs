//! Sends one point and a batch: `cargo run -p graphite-client-tokio --example quickstart HOST`.

use graphite_client_tokio::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1".into());
    let client = Client::connect(host).await?;
    client.send(("servers.web01.load", 0.42)).await?;
    client.send_multiple([("servers.web01.cpu", 3.5), ("servers.web01.disk", 71.0)]).await?;
    client.close().await?;
    Ok(())
}
