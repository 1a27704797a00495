//! TLS on tokio: what tokio-rustls, ring and the system's store of roots give to the client.
//!
//! Not here: the settings, and what an end of file proves ([`proto::client`](graphite_proto::client)).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use graphite_proto::client::{Secure, Tcp as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use crate::runtime::Tokio;
use crate::socket::Tcp;

impl Secure for Tokio {
    type Tls = TlsStream<Tcp>;

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
        TlsConnector::from(config).connect(server_name, tcp).await
    }

    fn tcp(stream: &Self::Tls) -> &Tcp {
        stream.get_ref().0
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = graphite_proto::client::Tcp::poll_read(&*self, cx, buffer.initialize_unfilled());
        read.map_ok(|read| buffer.advance(read))
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        graphite_proto::client::Tcp::poll_write(&*self, cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.finish())
    }
}
