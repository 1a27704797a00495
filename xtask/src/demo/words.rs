//! The sentences around the figures: what is shown, how it ended, what to do next.

use std::sync::Arc;

use graphite_proto::Address;

use super::link::Link;

/// Says what is about to be shown.
pub(super) fn opening(links: &[Arc<Link>], to: Option<&Address>) -> String {
    let clients = count(links.len(), "connection");
    match to {
        None => format!(
            "Sends this machine's figures as if to Graphite, a database of measurements, and\n\
             shows them as they arrive at a receiver in this program, over {clients}."
        ),
        Some(to) => format!(
            "Sends this machine's figures to Graphite, a database of measurements, at\n\
             {to} over {clients}, and shows them as they are sent."
        ),
    }
}

/// Says how a run without a fault ended, and what to do next.
pub(super) fn closing(links: &[Arc<Link>], to: Option<&Address>) -> String {
    if to.is_none() {
        return "Every point arrived with its value and time. Next: `cargo xtask demo --to HOST`\n\
                sends to a Graphite of yours; README.md shows how to send your own figures."
            .to_owned();
    }
    let sent: u64 = links.iter().map(|link| link.state().sent).sum();
    let closed = if links.len() == 1 { "the connection" } else { "every connection" };
    let mut text = format!(
        "{sent} points were sent and {closed} closed properly, so they were read.\n\
         Next: look in Graphite for the names above, each followed by one of these:\n"
    );
    let names: Vec<String> = match links.first() {
        Some(link) => link.state().series.iter().map(|(name, _)| name.clone()).collect(),
        None => Vec::new(),
    };
    text += &wrapped(&names);
    text
}

/// Says what went wrong, one clause a client; `None` if nothing did.
pub(super) fn faults(links: &[Arc<Link>]) -> Option<String> {
    let mut clauses = Vec::new();
    for link in links {
        let state = link.state();
        let mut say = |fault: String| {
            clauses.push(format!("{} {}: {fault}", link.runtime.name(), link.protocol));
        };
        if link.local && state.lost() > 0 {
            say(format!("{} of {} points were lost", state.lost(), state.sent));
        }
        if link.local && state.strange() > 0 {
            say(format!("{} points arrived that were not sent so", state.strange()));
        }
        if state.sent == 0 {
            say("no point was sent".to_owned());
        }
        // One a client is enough to go on with.
        if let Some(fault) = state.faults.first() {
            say(fault.clone());
        }
    }
    (!clauses.is_empty()).then(|| clauses.join("; "))
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Puts words on indented lines of at most 79 columns.
fn wrapped(words: &[String]) -> String {
    let mut lines = vec![String::new()];
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() + 2 < 80 => {
                *line += &format!("  {word}");
            }
            _ => lines.push(format!("  {word}")),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use graphite_proto::{Metric, Protocol};

    use super::*;
    use crate::choice::Runtime;

    fn link(local: bool) -> Arc<Link> {
        let link = Link::new(Runtime::Tokio, Protocol::Plaintext, local);
        for name in 0..30 {
            link.sent(&[Metric::new(format!("some.figure.number{name}"), name).at(7)]);
        }
        Arc::new(link)
    }

    #[test]
    fn sentences_fit_the_terminal() {
        let to = Address::try_from("graphite.example.com:2003").unwrap();
        for (links, to) in [(vec![link(true); 4], None), (vec![link(false); 4], Some(&to))] {
            let text = format!("{}\n{}", opening(&links, to), closing(&links, to));
            assert!(text.lines().all(|line| line.chars().count() < 81), "{text}");
        }
    }

    #[test]
    fn a_loss_is_a_fault_of_its_client() {
        let faults = faults(&[link(true)]).unwrap();
        assert_eq!(faults, "tokio plaintext: 30 of 30 points were lost");
        assert_eq!(super::faults(&[link(false)]), None);
    }
}
