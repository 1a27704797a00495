// What the examples of TLS run on: smol, and a receiver that speaks it. They include it in lines that
// are not shown, wherefore it begins without `//!`.

include!("include.rs");

#[path = "secure.rs"]
mod secure;

use std::sync::Arc;

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// Starts one with a certificate for its address and for `graphite.example.com`; returns where it is,
/// and the roots that vouch for it.
pub(crate) fn graphite_with_tls() -> (SocketAddr, RootCertStore) {
    let names = ["127.0.0.1".to_owned(), "graphite.example.com".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let certificate = made.cert.der().clone();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.clone()], key.into());
    let config = Arc::new(config.expect("settings"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("a port");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(config.clone()).expect("settings");
            let mut bytes = Vec::new();
            let _ = StreamOwned::new(connection, stream).read_to_end(&mut bytes);
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a certificate");
    (address, roots)
}
