//! What came of a level's runs, one column a run, and which promise was broken.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use graphite_proto::{Delivery, FRAME_BYTES};

use super::point::Points;
use super::run::{Plan, Report};

/// How many kills with lost points are told one by one.
const LOSSES: usize = 3;

/// The runs of one delivery level.
pub(super) struct Table<'a>(pub(super) &'a [Report]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.0.first() else { return Ok(()) };
        self.row(f, &level(first.plan.delivery), |run| run.plan.runtime.name().to_owned())?;
        self.row(f, "", |run| run.plan.protocol.to_string())?;
        writeln!(f, "{}", "─".repeat(22 + 14 * self.0.len()))?;
        self.row(f, "kills", |run| grouped(run.plan.kills.into()))?;
        self.row(f, "points accepted", |run| grouped(run.outcome.fed))?;
        self.row(f, "received, distinct", |run| grouped(run.distinct))?;
        self.row(f, "repeated, in all", |run| grouped(run.repeated))?;
        self.row(f, "  the most a kill", |run| grouped(run.repeated_most))?;
        self.row(f, "  allowed a kill", |run| grouped(allowed(run.plan)))?;
        self.row(f, "lost", |run| grouped(lost(run)))?;
        self.row(f, "  the longest gap", |run| grouped(longest_gap(run)))?;
        self.row(f, "swallowed in a kill", |run| grouped(run.swallowed_most))?;
        self.row(f, "longest silence", |run| seconds(run.silence))?;
        self.row(f, "told by close", |run| match run.outcome.undelivered {
            0 => "all read".to_owned(),
            points => grouped(points),
        })?;
        self.row(f, "connections", |run| grouped(run.connections))?;
        self.row(f, "  left, if half-open", |run| grouped(run.left_half_open))?;
        self.row(f, "time", |run| seconds(run.time))?;
        self.row(f, "promise", |run| match broken(run).len() {
            0 => "kept".to_owned(),
            _ => "BROKEN".to_owned(),
        })
    }
}

impl Table<'_> {
    fn row(
        &self,
        f: &mut fmt::Formatter<'_>,
        title: &str,
        cell: impl Fn(&Report) -> String,
    ) -> fmt::Result {
        let mut line = format!("{title:22}");
        for run in self.0 {
            write!(line, "{:>14}", cell(run))?;
        }
        writeln!(f, "{}", line.trim_end())
    }

    /// Tells how often each way came.
    pub(super) fn ways(&self) -> String {
        let mut ways = BTreeMap::new();
        for (way, count) in self.0.iter().flat_map(|run| &run.ways) {
            *ways.entry(*way).or_insert(0) += count;
        }
        let mut lines = vec![String::new()];
        for (way, count) in ways {
            let word = format!("{count} {way}");
            let line = lines.len() - 1;
            if lines[line].is_empty() {
                lines[line] = word;
            } else if lines[line].len() + word.len() + 2 <= 78 {
                lines[line] += &format!(", {word}");
            } else {
                lines[line].push(',');
                lines.push(word);
            }
        }
        lines.join("\n")
    }
}

/// Tells each promise that a run broke.
pub(super) fn broken(run: &Report) -> Vec<String> {
    let Report { plan, outcome, .. } = run;
    let mut broken = Vec::new();
    let mut check = |kept: bool, text: String| {
        if !kept {
            broken.push(text);
        }
    };
    let (lost, documented, allowed) = (lost(run), documented_points(run), allowed(*plan));
    let keeps = !matches!(plan.delivery, Delivery::BestEffort);
    if keeps {
        check(lost == documented, format!("{} points lost", grouped(lost - documented)));
        check(run.missing <= documented, {
            format!("{} points did not arrive after a flush", grouped(run.missing))
        });
        check(outcome.undelivered == 0, {
            format!("close does not know of {} points", grouped(outcome.undelivered))
        });
        check(run.repeated_idle == 0, {
            format!("{} repeats after a close of an idle connection", grouped(run.repeated_idle))
        });
    } else {
        check(lost <= outcome.undelivered, {
            format!("{} lost, close told of {}", grouped(lost), grouped(outcome.undelivered))
        });
    }
    // There a connection has to prove something, and this one never can.
    if !matches!(plan.delivery, Delivery::Confirmed { .. }) {
        check(run.left_half_open == 0, {
            format!("a half-open receiver was left {} times", grouped(run.left_half_open))
        });
    }
    check(run.repeated_most <= allowed, {
        format!("{} repeats in a kill, {} allowed", grouped(run.repeated_most), grouped(allowed))
    });
    let stats = &outcome.stats;
    check(outcome.misaccounted == 0, format!("accounting does not add up: {stats:?}"));
    check(stats.queued + stats.dropped == 0, format!("points are left behind: {stats:?}"));
    check(run.corrupt == 0, format!("{} arrivals were never sent so", grouped(run.corrupt)));
    check(run.disordered == 0, format!("{} points out of order", grouped(run.disordered)));
    check(run.torn_records == 0, "a receiver's records were torn".to_owned());
    let (runtime, protocol) = (plan.runtime.name(), plan.protocol);
    let mut lines: Vec<String> =
        broken.iter().map(|text| format!("{runtime} {protocol}: {text}")).collect();
    if keeps {
        let losses = run.losses.iter().filter(|loss| !loss.is_documented(plan));
        lines.extend(losses.take(LOSSES).map(|loss| {
            let way = loss.way.map_or_else(|| "the close".to_owned(), |way| way.to_string());
            let (points, place) = (grouped(loss.points), grouped(loss.place));
            let swallowed: Vec<String> = loss.swallowed.iter().copied().map(grouped).collect();
            format!(
                "  lost {points} from place {place} on, in kill {}: {way}, swallowed [{}] bytes",
                loss.kill,
                swallowed.join("; ")
            )
        }));
    }
    lines
}

/// Tells each loss that the level does not promise to prevent.
pub(super) fn documented(run: &Report) -> Vec<String> {
    let losses = run.losses.iter().filter(|loss| loss.is_documented(&run.plan));
    let lines = losses.map(|loss| {
        let swallowed = loss.swallowed.iter().copied().max().unwrap_or(0);
        let (swallowed, points) = (grouped(swallowed), grouped(loss.points));
        format!(
            "kill {}: {swallowed} bytes swallowed, more than the window: {points} points lost as \
             documented",
            loss.kill
        )
    });
    lines.collect()
}

fn documented_points(run: &Report) -> u64 {
    let losses = run.losses.iter().filter(|loss| loss.is_documented(&run.plan));
    losses.map(|loss| loss.points).sum()
}

/// Tells a run in one line.
pub(super) fn summary(run: &Report) -> String {
    let (lost, time) = (grouped(lost(run)), seconds(run.time));
    format!("{} kills, {} points, {lost} lost, {time}", run.plan.kills, grouped(run.distinct))
}

fn lost(run: &Report) -> u64 {
    run.losses.iter().map(|loss| loss.points).sum()
}

fn longest_gap(run: &Report) -> u64 {
    run.losses.iter().map(|loss| loss.longest).max().unwrap_or(0)
}

/// Returns how many points may be repeated on one connection: the window, which keeps whole
/// frames and so up to one frame more, and the frame that was cut.
fn allowed(plan: Plan) -> u64 {
    let frames = match plan.delivery {
        Delivery::Replay { .. } => 2,
        // What fills the window is the last that is written before a proof.
        _ => 1,
    };
    Points::new().in_bytes(plan.protocol, plan.delivery.window() + frames * FRAME_BYTES)
}

pub(super) fn level(delivery: Delivery) -> String {
    let mib = |window: usize| window as f64 / f64::from(1 << 20);
    match delivery {
        Delivery::Replay { window } => format!("replay, {} MiB", mib(window)),
        Delivery::Confirmed { window } => format!("confirmed, {} MiB", mib(window)),
        _ => "best-effort".to_owned(),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Writes a number with a comma before each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut groups: Vec<_> = digits.as_bytes().rchunks(3).map(String::from_utf8_lossy).collect();
    groups.reverse();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let groups = [0, 12, 123, 1234, 123_456, 1_234_567].map(grouped);
        assert_eq!(groups, ["0", "12", "123", "1,234", "123,456", "1,234,567"]);
    }
}
