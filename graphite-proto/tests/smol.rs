//! The tests of the client on smol, by the runtime that `examples/smol.rs` makes of it.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "receivers are real ones")]

#[path = "client/mod.rs"]
mod suite;

#[path = "../examples/smol.rs"]
#[allow(dead_code, reason = "what the example does is not done here")]
mod runtime;

#[path = "client/streams_of_futures.rs"]
mod streams;

mod net {
    pub(crate) use smol::net::TcpStream;
    pub(crate) use smol::net::unix::UnixStream;
}

#[cfg(feature = "rustls")]
#[path = "page/secure.rs"]
mod tls;

/// The client as an adapter for smol would export it.
mod client {
    pub(crate) use graphite_encoder::{self as encoder, Scheme};
    pub(crate) use graphite_proto as proto;
    pub(crate) use graphite_proto::client::{
        BatchError, CloseError, ConnectError, Connector, FlushError, SendError, TryFeedError,
        TryFeedMultipleError,
    };
    pub(crate) use graphite_proto::{
        ConfigError, Delivery, Event, Metric, NonFinite, Overflow, Protocol, Stats, Timestamp,
        Value,
    };

    #[cfg(feature = "tracing")]
    pub(crate) use graphite_proto::Level;
    #[cfg(feature = "rustls")]
    pub(crate) use graphite_proto::client::TlsConfig;

    use crate::runtime::Smol;

    pub(crate) type Client = proto::client::Client<Smol>;
    pub(crate) type Builder = proto::client::Builder<Smol>;
    pub(crate) type Feeder = proto::client::Feeder<Smol>;
    pub(crate) type MetricSink = proto::client::MetricSink<Smol>;
}

/// What the tests take from their runtime.
mod rt {
    use std::time::Duration;

    use smol::Timer;
    use smol::future::FutureExt as _;

    pub(crate) use crate::streams::*;

    pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
        smol::block_on(timeout(crate::suite::LIMIT, test)).expect("the test hangs")
    }

    pub(crate) fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send {
        // Like a task of the other runtimes it goes on when nobody waits for it.
        let (tell, told) = smol::channel::bounded(1);
        smol::spawn(async move { drop(tell.send(task.await).await) }).detach();
        async move { told.recv().await.expect("task") }
    }

    pub(crate) async fn sleep(duration: Duration) {
        Timer::after(duration).await;
    }

    /// Waits for a future, but not longer than this.
    pub(crate) async fn timeout<T>(
        duration: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        async { Some(future.await) }
            .or(async {
                sleep(duration).await;
                None
            })
            .await
    }
}
