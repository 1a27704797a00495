//! TLS on smol, as an adapter would bring it: for the tests, and for the examples on the page of the
//! client layer.
//!
//! Not here: the roots of the system, which it takes another crate to find.

use std::io;
use std::sync::Arc;

use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use graphite_proto::client::{Runtime, Secure, TcpIo};
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName};

use super::runtime::Smol;

type Tcp = <Smol as Runtime>::Tcp;

impl Secure for Smol {
    type Tls = TlsStream<TcpIo<Tcp>>;

    fn provider() -> CryptoProvider {
        ring::default_provider()
    }

    /// This system has none.
    fn roots() -> io::Result<Vec<CertificateDer<'static>>> {
        Ok(Vec::new())
    }

    async fn secure(
        tcp: Tcp,
        config: Arc<ClientConfig>,
        server_name: ServerName<'static>,
    ) -> io::Result<Self::Tls> {
        TlsConnector::from(config).connect(server_name, TcpIo::new(tcp)).await
    }

    fn tcp(stream: &Self::Tls) -> &Tcp {
        stream.get_ref().0.tcp()
    }
}
