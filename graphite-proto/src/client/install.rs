//! A recorder with a client: the global one, or one that is handed on.
//!
//! Not here: the settings ([`crate::metrics`]), and the reporter that comes of it
//! ([`super::reporter`]).

use std::error::Error;
use std::fmt;

use crate::client::handle::Client;
use crate::client::reporter::Reporter;
use crate::client::runtime::Runtime;
use crate::config::ConfigError;
use crate::metrics::RecorderBuilder;

/// Why a recorder was not installed. Nothing has changed, and the client is dropped.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; use graphite_proto::{client::InstallError, metrics::Recorder};
/// # page::run(async |graphite| {
/// let client = Client::builder().connect_lazy(graphite)?;
/// let _reporter = Recorder::builder().install(client.clone())?;
/// assert_eq!(Recorder::builder().install(client).unwrap_err(), InstallError::Installed);
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InstallError {
    /// A setting makes no sense.
    Setting(ConfigError),
    /// The process has a global recorder already, which cannot be replaced.
    Installed,
}

impl From<ConfigError> for InstallError {
    fn from(error: ConfigError) -> Self {
        Self::Setting(error)
    }
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(error) => error.fmt(f),
            Self::Installed => f.write_str(
                "the process has a global recorder already: use `start` for another one",
            ),
        }
    }
}

impl Error for InstallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Setting(error) => error.source(),
            Self::Installed => None,
        }
    }
}

impl RecorderBuilder {
    /// Makes the recorder the global one, which every macro of the facade reaches, and begins to
    /// report by this client.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use graphite_proto::metrics::Recorder; page::run(async |graphite| {
    /// let client = Client::builder().connect_lazy(graphite)?;
    /// let reporter = Recorder::builder().prefix("shop").install(client)?;
    /// metrics::counter!("jobs").increment(3);
    /// reporter.close().await?;
    /// # assert!(received().contains("shop.jobs.count 3 "));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// A setting makes no sense, or the process has a global recorder already.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, where there is nothing to run the reporter's task. On tokio in one that was
    /// built without `enable_time` it is that task that panics: only a close or a drop reports.
    #[track_caller]
    pub fn install<R: Runtime>(self, client: Client<R>) -> Result<Reporter<R>, InstallError> {
        let recorder = self.try_build()?;
        // First what panics outside of a runtime.
        let reporter = Reporter::new(client, recorder.clone());
        if ::metrics::set_global_recorder(recorder).is_err() {
            reporter.discard();
            return Err(InstallError::Installed);
        }
        Ok(reporter)
    }

    /// Begins to report by this client, and sets no global recorder: for tests, which share a
    /// process, and for several receivers. [`Reporter::recorder`] goes to
    /// `metrics::with_local_recorder`, or into a fan-out of metrics-util's.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use graphite_proto::metrics::Recorder; page::run(async |graphite| {
    /// let reporter = Recorder::builder().start(Client::builder().connect_lazy(graphite)?)?;
    /// metrics::with_local_recorder(reporter.recorder(), || metrics::counter!("jobs").increment(3));
    /// reporter.close().await?;
    /// # assert!(received().contains("jobs.count 3 "));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// A setting makes no sense.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, where there is nothing to run the reporter's task. On tokio in one that was
    /// built without `enable_time` it is that task that panics: only a close or a drop reports.
    #[track_caller]
    pub fn start<R: Runtime>(self, client: Client<R>) -> Result<Reporter<R>, ConfigError> {
        Ok(Reporter::new(client, self.try_build()?))
    }
}
