//! TLS on async-std: what futures-rustls, ring and the system's store of roots give to the client.
//!
//! Not here: the settings, and what an end of file proves ([`proto::client`](graphite_proto::client)).

use std::io;
use std::sync::Arc;

use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use futures_rustls::rustls::ClientConfig;
use futures_rustls::rustls::crypto::{CryptoProvider, ring};
use futures_rustls::rustls::pki_types::{CertificateDer, ServerName};
use graphite_proto::client::{Secure, TcpIo};

use crate::runtime::AsyncStd;
use crate::socket::Tcp;

impl Secure for AsyncStd {
    type Tls = TlsStream<TcpIo<Tcp>>;

    fn provider() -> CryptoProvider {
        ring::default_provider()
    }

    fn roots() -> io::Result<Vec<CertificateDer<'static>>> {
        let mut found = rustls_native_certs::load_native_certs();
        match found.errors.pop() {
            Some(error) if found.certs.is_empty() => Err(io::Error::other(error)),
            _ => Ok(found.certs),
        }
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
