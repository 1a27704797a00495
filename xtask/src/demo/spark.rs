//! A row of bars for a series, and a short text for its last value.
//!
//! What a figure is (a size, a share, a counter) is told by the end of its name, as it is to
//! whoever reads it in Graphite.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws the values as bars, the least as the lowest and the greatest as the highest; what moves
/// by less than a hundredth of itself stays low, so that noise does not look like news.
pub(super) fn sparkline(values: impl Iterator<Item = f64> + Clone) -> String {
    let (low, high) = values
        .clone()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let span = (high - low).max(low.abs() / 100.0);
    let bar = |value: f64| {
        let share = if span > 0.0 { (value - low) / span } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        let step = (share * 7.0).round() as usize;
        BARS[step.min(7)]
    };
    values.map(bar).collect()
}

/// Returns whether a figure only ever grows, so that its steps tell more than its level.
pub(super) fn is_counter(name: &str) -> bool {
    ["rx_bytes", "tx_bytes", "_seconds"].iter().any(|end| name.ends_with(end))
}

/// Writes a value with the unit that its name tells.
pub(super) fn display(name: &str, value: f64) -> String {
    let ends = |end: &str| name.ends_with(end);
    match name {
        _ if ends("_bytes") => bytes(value),
        _ if ends("_percent") => format!("{value:.1} %"),
        _ if ends("_seconds") => format!("{value:.1} s"),
        _ if ends("cores") => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

fn bytes(mut value: f64) -> String {
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        // What would be written as 1000.00 is one of the next.
        if value < 999.995 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    let digits = if unit == "B" { 0 } else { 2 };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[f64]) -> String {
        sparkline(values.iter().copied())
    }

    #[test]
    fn bars_span_the_values() {
        assert_eq!(drawn(&[]), "");
        assert_eq!(drawn(&[0.0, 0.0]), "▁▁");
        assert_eq!(drawn(&[5.0]), "▁");
        assert_eq!(drawn(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), "▁▂▃▄▅▆▇█");
        assert_eq!(drawn(&[-1.0, 1.0]), "▁█");
    }

    #[test]
    fn noise_stays_low() {
        assert_eq!(drawn(&[1e9, 1e9 + 1.0]), "▁▁");
    }

    #[test]
    fn values_have_units() {
        for (name, value, text) in [
            ("load.1min", 2.0, "2.00"),
            ("cpu.busy_percent", 12.34, "12.3 %"),
            ("cpu.user_seconds", 12.34, "12.3 s"),
            ("cpu.cores", 2.0, "2"),
            ("memory.used_bytes", 999.0, "999 B"),
            ("memory.used_bytes", 1000.0, "1.00 kB"),
            ("memory.used_bytes", 999_999.0, "1.00 MB"),
            ("network.lo.rx_bytes", 2_199_357_376.0, "2.20 GB"),
            ("network.lo.rx_bytes", 5e15, "5000.00 TB"),
        ] {
            assert_eq!(display(name, value), text);
        }
    }
}
