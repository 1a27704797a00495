//! `cargo xtask demo`: this machine's figures through both clients and both protocols, shown as
//! they arrive and counted at the end.

mod link;
mod machine;
mod options;
mod proc;
mod screen;
mod send;
mod sink;
mod spark;
mod view;
mod words;

use std::env;
use std::io::{self, Write as _};
use std::process;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use graphite_proto::Address;

use self::link::Link;
use self::machine::Machine;
use self::screen::{Paint, Screen};
use self::send::Sending;
use self::sink::Sink;
use self::view::{Phase, View};
use crate::Result;

pub(crate) use self::options::Args;

/// Samples a second.
const RATE: u32 = 4;

pub(crate) fn run(args: Args) -> Result {
    let protocols = args.protocols()?;
    let (local, to) = (args.to.is_none(), args.to.as_ref());
    let mut links = Vec::new();
    for &runtime in args.runtime.list() {
        let all = protocols.iter();
        links.extend(all.map(|&protocol| Arc::new(Link::new(runtime, protocol, local))));
    }
    let mut machine = Machine::new();
    let (_, missing) = machine.sample();
    let mut out = io::stdout();
    writeln!(out, "{}", words::opening(&links, to))?;
    if !missing.is_empty() {
        writeln!(out, "Not available here: {}.", missing.join(", "))?;
    }
    writeln!(out)?;

    let (sinks, sendings) = start(&links, to)?;
    let interrupts = interrupts();
    let mut screen = Screen::open()?;
    let view = view(links, screen.is_some());
    let mut send = || {
        let sample = Arc::new(machine.sample().0);
        sendings.iter().for_each(|sending| sending.send(sample.clone()));
    };
    watch(&view, screen.as_mut(), args.seconds, &interrupts, &mut send)?;

    // All at once: without a receiver each takes its time to give up.
    sendings.iter().for_each(Sending::end);
    for (link, sending) in view.links.iter().zip(sendings) {
        let fault = sending.finish();
        link.state().faults.extend(fault);
    }
    sinks.into_iter().for_each(Sink::stop);
    let links = &view.links;
    let faults = words::faults(links);
    let closing = if faults.is_none() { words::closing(links, to) } else { String::new() };
    let table = view.clients(Phase::Ended).join("\n");
    match screen {
        Some(mut screen) => {
            screen.draw(&view.frame(Phase::Ended))?;
            drop(screen);
            writeln!(out, "{closing}")?;
        }
        // The last lines of a log are the result: the table, or what to look for.
        None if to.is_none() => writeln!(out, "\n{closing}\n\n{table}")?,
        None => writeln!(out, "\n{table}\n\n{closing}")?,
    }
    faults.map_or(Ok(()), |faults| Err(faults.into()))
}

/// Starts the clients, and a receiver for each unless there is one outside; returns when all have
/// a connection.
fn start(links: &[Arc<Link>], to: Option<&Address>) -> Result<(Vec<Sink>, Vec<Sending>)> {
    let (mut sinks, mut waiting) = (Vec::new(), Vec::new());
    for link in links {
        let address = match to {
            Some(to) => to.clone(),
            None => {
                let sink = Sink::start(link.clone())
                    .map_err(|error| format!("cannot listen on 127.0.0.1: {error}"))?;
                let address = sink.address().into();
                sinks.push(sink);
                address
            }
        };
        let (connected, answer) = mpsc::channel();
        waiting.push((Sending::start(link.clone(), address.clone(), connected), address, answer));
    }
    let mut sendings = Vec::new();
    for (link, (sending, address, answer)) in links.iter().zip(waiting) {
        match answer.recv() {
            Ok(Ok(())) => sendings.push(sending),
            Ok(Err(cause)) => {
                let (protocol, port) = (link.protocol, address.port_for(link.protocol));
                let host = address.host();
                return Err(
                    format!("cannot reach {host}, port {port} ({protocol}): {cause}").into()
                );
            }
            // It ended before it tried.
            Err(_) => return Err(sending.finish().unwrap_or_default().into()),
        }
    }
    Ok((sinks, sendings))
}

/// Hears Ctrl-C: the first one is an answer, so that the run ends in good order; the second ends
/// the process at once.
fn interrupts() -> mpsc::Receiver<()> {
    let (interrupt, interrupts) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime
            && runtime.block_on(tokio::signal::ctrl_c()).is_ok()
            && interrupt.send(()).is_ok()
            && runtime.block_on(tokio::signal::ctrl_c()).is_ok()
        {
            Screen::restore();
            process::exit(130);
        }
        // It cannot be heard, and the channel must not seem to answer.
        loop {
            thread::park();
        }
    });
    interrupts
}

/// Makes the view that fits the output.
fn view(links: Vec<Arc<Link>>, terminal: bool) -> View {
    let local = links.iter().all(|link| link.local);
    // The sentences before and after, blank lines, heads, and the line of the next prompt.
    let others = links.len() + if local { 10 } else { 14 };
    let rows = if terminal { screen::height().saturating_sub(others).max(2) } else { 0 };
    let paint = Paint(terminal && env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()));
    View { links, rate: RATE as usize, rows, paint }
}

/// Sends samples and shows what becomes of them, until the time is over or Ctrl-C.
fn watch(
    view: &View,
    mut screen: Option<&mut Screen>,
    seconds: u64,
    interrupts: &mpsc::Receiver<()>,
    send: &mut dyn FnMut(),
) -> Result {
    let start = Instant::now();
    let period = Duration::from_secs(1) / RATE;
    let mut next = start;
    for tick in 1..=seconds * u64::from(RATE) {
        send();
        next += period;
        let wait = next.saturating_duration_since(Instant::now());
        let interrupted = interrupts.recv_timeout(wait).is_ok();
        let elapsed = start.elapsed();
        match &mut screen {
            Some(screen) => screen.draw(&view.frame(Phase::Running { elapsed, seconds }))?,
            None if tick % u64::from(RATE) == 0 => {
                writeln!(io::stdout(), "{}", view.line(elapsed))?;
            }
            None => {}
        }
        if interrupted {
            break;
        }
    }
    match screen {
        Some(screen) => Ok(screen.draw(&view.frame(Phase::Closing))?),
        None => Ok(()),
    }
}
