//! Ends with 0 only if the receiver has read all: `cargo run -p graphite-client-tokio --features blocking --example cron_job HOST NAME=VALUE...`

#![allow(clippy::print_stderr, reason = "an example has no log")]

use std::process::ExitCode;

use graphite_client_tokio::blocking::Client;

fn report() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let client = Client::connect(arguments.next().ok_or("which Graphite?")?)?;
    for point in arguments {
        let (name, value) = point.split_once('=').ok_or("a point is NAME=VALUE")?;
        client.feed((name, value.parse::<f64>()?))?;
    }
    Ok(client.close()?)
}

fn main() -> ExitCode {
    let Err(error) = report() else { return ExitCode::SUCCESS };
    eprintln!("graphite: {error}");
    ExitCode::FAILURE
}
