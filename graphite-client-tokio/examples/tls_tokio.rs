//! Sends a point over TLS, to a receiver that the system trusts or that a CA of your own vouches for:
//! `cargo run -p graphite-client-tokio --features rustls --example tls_tokio HOST [CA.pem]`

use graphite_client_tokio::rustls::pki_types::CertificateDer;
use graphite_client_tokio::rustls::pki_types::pem::PemObject as _;
use graphite_client_tokio::rustls::{ClientConfig, RootCertStore};
use graphite_client_tokio::{Client, TlsConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graphite = std::env::args().nth(1).unwrap_or_else(|| "localhost".to_owned());
    let tls = match std::env::args().nth(2) {
        Some(file) => trusting(&file)?,
        None => TlsConfig::default(), // The roots of the system.
    };

    let client = Client::builder().tls(tls).connect(graphite).await?;
    client.send(("servers.web01.load", 0.42)).await?;
    client.close().await?;
    Ok(())
}

/// Trusts the roots in a file, and no others.
fn trusting(file: &str) -> Result<TlsConfig, Box<dyn std::error::Error>> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(file)? {
        roots.add(root?)?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(config.into())
}
