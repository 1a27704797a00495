//! Sends a point and a batch: `cargo run -p graphite-client-async-std --example quickstart_async_std HOST`

use graphite_client_async_std::Client;

#[async_std::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graphite = std::env::args().nth(1).unwrap_or_else(|| "localhost".to_owned());

    let client = Client::connect(graphite).await?;
    client.send(("servers.web01.load", 0.42)).await?;
    client.send_multiple([("servers.web01.users", 17), ("servers.web01.jobs", 3)]).await?;
    client.close().await?;
    Ok(())
}
