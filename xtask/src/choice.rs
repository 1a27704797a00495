//! One runtime or protocol, or both: how several tasks are asked for them, and run a future.

use clap::ValueEnum;
use graphite_proto::Protocol;

/// The runtime of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    Tokio,
    AsyncStd,
}

impl Runtime {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::AsyncStd => "async-std",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Runtimes {
    Tokio,
    AsyncStd,
    Both,
}

impl Runtimes {
    pub(crate) fn list(self) -> &'static [Runtime] {
        match self {
            Self::Tokio => &[Runtime::Tokio],
            Self::AsyncStd => &[Runtime::AsyncStd],
            Self::Both => &[Runtime::Tokio, Runtime::AsyncStd],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Protocols {
    Plaintext,
    Pickle,
    Both,
}

impl Protocols {
    pub(crate) fn list(self) -> &'static [Protocol] {
        match self {
            Self::Plaintext => &[Protocol::Plaintext],
            Self::Pickle => &[Protocol::Pickle],
            Self::Both => &[Protocol::Plaintext, Protocol::Pickle],
        }
    }
}

/// Runs a future to its end on a tokio of two threads.
pub(crate) fn block_on_tokio<T>(
    future: impl Future<Output = crate::Result<T>>,
) -> crate::Result<T> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build()?.block_on(future)
}
