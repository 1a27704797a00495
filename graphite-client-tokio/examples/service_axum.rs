//! An HTTP service that counts by the facade `metrics`, until SIGTERM or Ctrl-C:
//! `cargo run -p graphite-client-tokio --features metrics --example service_axum HOST [ADDRESS [SECONDS]]`
//!
//! The address is the service's own, 127.0.0.1:8080 by default, the seconds are the interval of
//! reports, 10 by default. Not here: figures of one's own without the facade, which is `service_every`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example has no log")]

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Path, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use graphite_client_tokio::Client;
use graphite_client_tokio::metrics::Recorder;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests may go on after the service was told to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Counts and times a request. One whose client goes away is dropped in here, and not counted.
async fn measure(request: Request, next: Next) -> Response {
    // The route, not the path: anybody can ask for any path, and each would be a series.
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = route.unwrap_or("unmatched").to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    let code = response.status().as_u16().to_string();
    metrics::counter!("http.requests", "route" => route.clone(), "code" => code).increment(1);
    metrics::histogram!("http.latency.seconds", "route" => route).record(begun.elapsed());
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
    let reporter = Recorder::builder()
        .prefix("shop.web01")
        .interval(Duration::from_secs(seconds))
        .install(client)?;

    let routes = Router::new().route("/", get(|| async { "ok\n" })).route("/cart/{id}", get(cart));
    let routes = routes.layer(middleware::from_fn(measure));
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
