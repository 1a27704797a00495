//! What is shown while the demo runs, as lines of at most 79 columns: the figures and the clients.
//!
//! Not here: the terminal ([`super::screen`]).

use std::sync::Arc;
use std::time::Duration;

use super::link::{Link, State};
use super::screen::Paint;
use super::spark::{display, is_counter, sparkline};

/// Bars that fit beside a name and a value.
const BARS: usize = 36;
const NAME: usize = 28;

/// Where the run is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Running { elapsed: Duration, seconds: u64 },
    Closing,
    Ended,
}

/// Draws the clients' state.
#[derive(Debug)]
pub(super) struct View {
    pub(super) links: Vec<Arc<Link>>,
    /// Samples a second, to tell how long a row of bars is.
    pub(super) rate: usize,
    /// How many lines of figures there is room for.
    pub(super) rows: usize,
    pub(super) paint: Paint,
}

impl View {
    /// Draws everything, to be redrawn in place.
    pub(super) fn frame(&self, phase: Phase) -> Vec<String> {
        let mut lines = self.figures();
        lines.push(String::new());
        lines.extend(self.clients(phase));
        let trouble = self.links.iter().find_map(|link| {
            let trouble = link.state().trouble.clone()?;
            Some(self.paint.bad(&format!("{} {}: {trouble}", link.runtime.name(), link.protocol)))
        });
        lines.push(trouble.unwrap_or_default());
        lines
    }

    /// Draws the figures of the first client; all clients send the same.
    fn figures(&self) -> Vec<String> {
        let Some(link) = self.links.first() else { return Vec::new() };
        let what = if link.local { "arrived" } else { "sent" };
        let bars = format!("last {} s (counters: their growth)", BARS / self.rate.max(1));
        let head = format!("{:<NAME$} {:>12}  {bars}", "figure", format!("last {what}"));
        let mut lines = vec![self.paint.bold(&head)];
        let state = link.state();
        let all = state.series.len();
        // The last line is for the number of those that do not fit.
        let shown = if all > self.rows { self.rows.saturating_sub(1) } else { all };
        for (name, values) in state.series.iter().take(shown) {
            let last = values.back().copied().unwrap_or_default();
            let row = format!("{:<NAME$} {:>12}  ", shorten(name), display(name, last));
            let values: Vec<f64> = values.iter().copied().collect();
            lines.push(row + &self.paint.bars(&bars_of(name, &values)));
        }
        if shown < all {
            lines.push(format!("... and {} more", all - shown));
        }
        lines
    }

    /// Draws a table with a row a client.
    pub(super) fn clients(&self, phase: Phase) -> Vec<String> {
        let local = self.links.iter().all(|link| link.local);
        let progress = match phase {
            Phase::Running { elapsed, seconds } => {
                format!("{} of {seconds} s", elapsed.as_secs().min(seconds))
            }
            Phase::Closing => "closing".to_owned(),
            Phase::Ended => String::new(),
        };
        let columns = if local { "received     lost" } else { "under these names" };
        let head = format!("{:<10} {:<10} {:>8}  {columns}", "runtime", "protocol", "sent");
        let head = self.paint.bold(&head);
        let mut lines = vec![format!("{head}   {progress}").trim_end().to_owned()];
        lines.extend(self.links.iter().map(|link| self.client(link, phase)));
        lines
    }

    fn client(&self, link: &Link, phase: Phase) -> String {
        let state = link.state();
        let (runtime, protocol) = (link.runtime.name(), link.protocol);
        let row = format!("{runtime:<10} {protocol:<10} {:>8}  ", state.sent);
        if !link.local {
            return format!("{row}{}.*", link.prefix());
        }
        let lost = match phase {
            // What is on its way is not lost.
            Phase::Running { .. } | Phase::Closing => format!("{:>8}", "-"),
            Phase::Ended => {
                let text = format!("{:>8}", state.lost());
                if state.lost() == 0 { self.paint.good(&text) } else { self.paint.bad(&text) }
            }
        };
        format!("{row}{:>8} {lost}", state.received)
    }

    /// Says in one line where the run is, for an output that is no terminal.
    pub(super) fn line(&self, elapsed: Duration) -> String {
        let sum = |count: fn(&State) -> u64| -> u64 {
            self.links.iter().map(|link| count(&link.state())).sum()
        };
        let mut line = format!("{:>4} s  sent {:>6}", elapsed.as_secs(), sum(|state| state.sent));
        let Some(link) = self.links.first() else { return line };
        if link.local {
            line += &format!("  received {:>6}", sum(|state| state.received));
        }
        for (name, values) in link.state().series.iter().take(2) {
            line += &format!("  {name} {}", display(name, values.back().copied().unwrap_or(0.0)));
        }
        match self.links.iter().find_map(|link| link.state().trouble.clone()) {
            Some(trouble) => format!("{line}  ({trouble})"),
            None => line,
        }
    }
}

/// Draws a gauge's last values, or a counter's last steps.
fn bars_of(name: &str, values: &[f64]) -> String {
    let steps: Vec<f64> = match is_counter(name) {
        // It goes back to 0 when an interface is made anew.
        true => values.windows(2).map(|pair| (pair[1] - pair[0]).max(0.0)).collect(),
        false => values.to_vec(),
    };
    sparkline(steps[steps.len().saturating_sub(BARS)..].iter().copied())
}

/// Cuts a long name at its front: its end says what it is.
fn shorten(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length - NAME + 1).collect();
    format!("…{end}")
}

#[cfg(test)]
mod tests {
    use graphite_proto::{Metric, Protocol};

    use super::*;
    use crate::choice::Runtime;

    fn view(local: bool, rows: usize) -> View {
        let link = Arc::new(Link::new(Runtime::AsyncStd, Protocol::Plaintext, local));
        for value in 0..100 {
            let name = "network.a-long-interface%2Ename.rx_bytes";
            for name in ["load.1min", name, "x.y"] {
                let metric = Metric::new(name, value).at(value);
                link.sent(std::slice::from_ref(&metric));
                let path = format!("demo.async-std.plaintext.{name}");
                link.received(&Metric::new(path, value).at(value));
            }
        }
        View { links: vec![link], rate: 4, rows, paint: Paint(false) }
    }

    #[test]
    fn lines_fit_the_terminal() {
        for (local, rows) in [(true, 10), (true, 2), (false, 10)] {
            let running = Phase::Running { elapsed: Duration::from_secs(86_400), seconds: 86_400 };
            for phase in [running, Phase::Closing, Phase::Ended] {
                let lines = view(local, rows).frame(phase);
                assert!(lines.iter().all(|line| line.chars().count() < 80), "{lines:#?}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let lines = view(true, 2).frame(Phase::Ended);
        assert!(lines[2].contains("... and 2 more"), "{lines:#?}");
        assert!(
            lines.contains(&format!("{:<10} plaintext       300       300        0", "async-std"))
        );
    }

    #[test]
    fn counters_show_their_steps() {
        assert_eq!(bars_of("lo.rx_bytes", &[5.0, 10.0, 20.0, 0.0]), "▅█▁");
        assert_eq!(shorten("network.a-long-interface%2Ename.rx_bytes").chars().count(), NAME);
    }
}
