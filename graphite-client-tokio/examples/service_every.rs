//! An HTTP service that keeps its own figures, until SIGTERM or Ctrl-C:
//! `cargo run -p graphite-client-tokio --example service_every HOST [ADDRESS [SECONDS]]`
//!
//! The address is the service's own, 127.0.0.1:8080 by default, the seconds are the interval of
//! reports, 10 by default. It counts increases, which a store thins out by `sum`, and totals by `max`:
//! never mix them below one prefix. So this one's is `till`, as in the rules
//! `graphite-proto/examples/storage-aggregation-per-interval.conf`. Not here: what the recorder of the
//! facade `metrics` does by itself, quantiles among it, which is `service_axum`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example has no log")]

use std::collections::HashMap;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use graphite_client_tokio::{Client, Report, Reporter};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests may go on after the service was told to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came since the last report.
#[derive(Default)]
struct Figures {
    /// By route and code.
    requests: HashMap<(String, u16), u64>,
    /// By route.
    latencies: HashMap<String, Latency>,
}

/// In seconds.
#[derive(Default)]
struct Latency {
    count: u64,
    sum: f64,
    max: f64,
}

impl Figures {
    fn add(&mut self, route: String, code: u16, seconds: f64) {
        let latency = self.latencies.entry(route.clone()).or_default();
        latency.count += 1;
        latency.sum += seconds;
        latency.max = latency.max.max(seconds);
        *self.requests.entry((route, code)).or_default() += 1;
    }

    /// Fills a report. What it does not take, when the queue is full, is in the next one.
    fn report(&mut self, report: &mut Report<'_>) {
        // Routes are this program's own texts, and tags as they are: `route=/`, where the recorder has
        // `route=_2F`. Other texts become tags by a `Scheme` and `encoder::tagged`.
        for ((route, code), count) in &mut self.requests {
            let path = format!("till.web01.http.requests.count;code={code};route={route}");
            if report.push((path, *count)) {
                *count = 0;
            }
        }
        for (route, latency) in &mut self.latencies {
            let path = |what| format!("till.web01.http.latency.seconds.{what};route={route}");
            let Latency { count, sum, max } = *latency;
            if report.push((path("count"), count)) {
                *latency = Latency::default();
                if count > 0 {
                    report.push((path("max"), max));
                    report.push((path("mean"), sum / count as f64));
                }
            }
        }
    }
}

type Shared = Arc<Mutex<Figures>>;

fn lock(figures: &Shared) -> MutexGuard<'_, Figures> {
    figures.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts and times a request. One whose client goes away is dropped in here, and not counted.
async fn measure(State(figures): State<Shared>, request: Request, next: Next) -> Response {
    // The route, not the path: anybody can ask for any path, and each would be a series.
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = route.unwrap_or("unmatched").to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    lock(&figures).add(route, response.status().as_u16(), begun.elapsed().as_secs_f64());
    response
}

async fn cart(Path(id): Path<u64>) -> String {
    tokio::time::sleep(Duration::from_millis(20)).await;
    format!("cart {id}\n")
}

/// Listens for what ends a service, from now on; the future is done when it has come.
fn told_to_end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let graphite = arguments.next().unwrap_or_else(|| "localhost".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let seconds = arguments.next().map_or(Ok(10), |seconds| seconds.parse())?;

    let (end, told) = (told_to_end()?, told_to_end()?);
    let listener = TcpListener::bind(address).await?;
    let client = Client::builder()
        .on_event(|event| eprintln!("graphite: {event}"))
        .connect_lazy(graphite)?;
    let figures = Shared::default();
    let reported = figures.clone();
    let reporter = Reporter::every(client, Duration::from_secs(seconds), move |report, _| {
        lock(&reported).report(report);
    })?;

    let routes = Router::new().route("/", get(|| async { "ok\n" })).route("/cart/{id}", get(cart));
    let routes = routes.layer(middleware::from_fn_with_state(figures, measure));
    println!("listening on {}", listener.local_addr()?);
    // First the requests that go on are answered, then the last interval is reported.
    tokio::select! {
        served = axum::serve(listener, routes).with_graceful_shutdown(end) => served?,
        () = async { told.await; tokio::time::sleep(PATIENCE).await } => {}
    }
    if let Err(error) = reporter.close().await {
        eprintln!("graphite: {error}");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
