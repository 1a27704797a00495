//! The tables of a run, as text for a terminal and as Markdown for a file.
//!
//! Not here: the picture ([`super::chart`]).

use super::machine::Machine;
use super::row::{Figures, Outcome, Ratio, Reach};

/// The columns, each with whether it has numbers, which stand on the right.
const COLUMNS: [(&str, bool); 8] = [
    ("row", false),
    ("median", true),
    ("min..max", true),
    ("unit", false),
    ("CPU ns/point", true),
    ("peak MiB", true),
    ("also", false),
    ("ratio [min..max]", false),
];
/// The last column may be of any length.
const LAST: usize = COLUMNS.len() - 1;

type Cells = [String; COLUMNS.len()];

/// A group with its outcomes.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// What is measured.
    pub(super) title: &'static str,
    pub(super) rounds: u64,
    pub(super) charted: bool,
    pub(super) rows: Vec<Outcome>,
}

impl Table {
    pub(super) fn heading(&self) -> String {
        let rounds = match self.rounds {
            1 => "one run".to_owned(),
            rounds => format!("medians of {rounds} runs, the rows in turn"),
        };
        format!("{}: {}; {rounds}", self.name, self.title)
    }

    /// Returns the table with its columns aligned, a line a row.
    pub(super) fn text(&self) -> String {
        let (columns, lines) = self.used();
        let all = || {
            std::iter::once(COLUMNS.map(|(head, _)| head.to_owned())).chain(lines.iter().cloned())
        };
        let mut text = format!("{}\n", self.heading());
        for line in all() {
            let mut row = String::new();
            for &column in &columns {
                let width = all().map(|line| line[column].chars().count()).max().unwrap_or(0);
                let cell = &line[column];
                row.push_str(&match COLUMNS[column].1 {
                    true => format!("  {cell:>width$}"),
                    false => format!("  {cell:width$}"),
                });
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }

    fn markdown(&self) -> String {
        let (columns, lines) = self.used();
        let row = |cells: &dyn Fn(usize) -> String| {
            let cells: Vec<String> = columns.iter().map(|&column| cells(column)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = format!("## {}\n\n", self.heading());
        text.push_str(&row(&|column| COLUMNS[column].0.to_owned()));
        text.push_str(&row(&|column| if COLUMNS[column].1 { "---:" } else { "---" }.to_owned()));
        for line in &lines {
            text.push_str(&row(&|column| line[column].replace('|', "\\|")));
        }
        text
    }

    /// Returns the columns that are not empty, and the lines with all of them.
    fn used(&self) -> (Vec<usize>, Vec<Cells>) {
        let lines: Vec<Cells> = self.rows.iter().map(cells).collect();
        let used = |column: &usize| lines.iter().any(|line| !line[*column].is_empty());
        ((0..COLUMNS.len()).filter(used).collect(), lines)
    }

    /// Returns what was promised and not kept.
    pub(super) fn broken(&self) -> impl Iterator<Item = String> {
        self.rows.iter().filter_map(|row| {
            let broken = row.outcome.as_ref().ok()?.broken.as_ref()?;
            Some(format!("{}: {broken}", row.name))
        })
    }
}

/// Returns the whole report.
pub(super) fn markdown(machine: &Machine, tables: &[Table]) -> String {
    let mut text = format!(
        "# Benchmark\n\n{}.\nMade by `{}`.\n\n{}\n",
        machine.line(),
        machine.command,
        super::LEGEND
    );
    for table in tables {
        text.push('\n');
        text.push_str(&table.markdown());
    }
    text
}

fn cells(row: &Outcome) -> Cells {
    let mut cells = Cells::default();
    cells[0].clone_from(&row.name);
    let figures = match &row.outcome {
        Ok(figures) => figures,
        Err(why) => {
            cells[LAST] = format!("skipped: {why}");
            return cells;
        }
    };
    let Figures { value, cpu, peak, .. } = figures;
    cells[1] = number(value.median);
    if value.least != value.most {
        cells[2] = format!("{}..{}", number(value.least), number(value.most));
    }
    row.unit.clone_into(&mut cells[3]);
    cells[4] = cpu.map(number).unwrap_or_default();
    cells[5] = peak.map(|bytes| number(bytes as f64 / f64::from(1 << 20))).unwrap_or_default();
    cells[LAST - 1] = notes(figures);
    let ratios: Vec<String> = figures.ratios.iter().map(ratio).collect();
    cells[LAST] = ratios.join("; ");
    cells
}

fn ratio(ratio: &Ratio) -> String {
    let Ratio { to, spread, reach } = ratio;
    let reach = match reach {
        Some(Reach::AtLeast(bound)) => format!(", reach >= {bound:?}"),
        Some(Reach::AtMost(bound)) => format!(", reach <= {bound:?}"),
        None => String::new(),
    };
    let missed = if ratio.is_missed() { " MISSED" } else { "" };
    let [least, median, most] = [spread.least, spread.median, spread.most].map(times);
    format!("{median} [{least}..{most}] of {to}{reach}{missed}")
}

fn notes(figures: &Figures) -> String {
    let ninety = figures.ninety.map(|figure| format!("90 % within {}", number(figure)));
    let broken = figures.broken.as_ref().map(|broken| format!("BROKEN: {broken}"));
    let notes = [ninety, figures.note.clone(), broken];
    notes.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Writes a ratio; small ones keep two digits that count.
fn times(ratio: f64) -> String {
    if ratio < 0.1 { number(ratio) } else { format!("{ratio:.2}") }
}

/// Writes a figure with about three digits that count.
pub(super) fn number(figure: f64) -> String {
    let decimals = match figure.abs() {
        100.0.. => 0,
        10.0.. => 1,
        0.1.. => 2,
        _ => 4,
    };
    format!("{figure:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::super::row::Kind;
    use super::super::stats::Spread;
    use super::*;

    fn figures(median: f64) -> Figures {
        Figures {
            value: Spread { least: median - 1.0, median, most: median + 1.0 },
            ninety: None,
            cpu: Some(81.25),
            peak: Some(3 << 19),
            ratios: Vec::new(),
            note: None,
            broken: None,
        }
    }

    fn row(name: &str, outcome: Result<Figures, String>) -> Outcome {
        Outcome { name: name.to_owned(), unit: "M points/s", kind: Kind::Ours, outcome }
    }

    fn table(rows: Vec<Outcome>) -> Table {
        Table { name: "deliver", title: "points by loopback", rounds: 5, charted: true, rows }
    }

    #[test]
    fn a_row_says_what_it_missed_and_a_skipped_one_why() {
        let spread = Spread { least: 0.7, median: 0.74, most: 0.8 };
        let to = || "bare".to_owned();
        let missed = Ratio { to: to(), spread, reach: Some(Reach::AtLeast(0.75)) };
        let met = Ratio { to: to(), spread, reach: Some(Reach::AtMost(0.75)) };
        let ours = Figures { ratios: vec![missed, met], ..figures(12.0) };
        let table = table(vec![row("feed", Ok(ours)), row("peer", Err("no Python".to_owned()))]);
        let text = table.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "deliver: points by loopback; medians of 5 runs, the rows in turn");
        let words: Vec<&str> = lines[2].split_whitespace().take(7).collect();
        assert_eq!(words, ["feed", "12.0", "11.0..13.0", "M", "points/s", "81.2", "1.50"]);
        assert!(lines[2].ends_with(
            "0.74 [0.70..0.80] of bare, reach >= 0.75 MISSED; 0.74 [0.70..0.80] of bare, reach <= 0.75"
        ));
        let words: Vec<&str> = lines[3].split_whitespace().collect();
        assert_eq!(words, ["peer", "skipped:", "no", "Python"]);
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[1].find("ratio"), lines[3].find("skipped"));
    }

    #[test]
    fn the_file_has_every_table_and_where_it_was_made() {
        let machine = Machine {
            processor: "A Fast One".to_owned(),
            cores: 2,
            kernel: "Linux 6".to_owned(),
            rustc: "rustc 1.95".to_owned(),
            command: "cargo xtask bench deliver".to_owned(),
        };
        let broken = Figures { broken: Some("too slow".to_owned()), ..figures(2.0) };
        let tables = [table(vec![row("a|b", Ok(broken)), row("c", Ok(figures(3.0)))])];
        let text = markdown(&machine, &tables);
        for part in ["A Fast One, 2 cores", "`cargo xtask bench deliver`", "| a\\|b | 2.00 |"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("BROKEN: too slow |"), "{text}");
        assert_eq!(tables[0].broken().collect::<Vec<_>>(), ["a|b: too slow"]);
    }

    #[test]
    fn a_column_that_is_empty_is_left_out() {
        let heads = |rows| table(rows).text().lines().nth(1).unwrap().to_owned();
        assert!(heads(vec![row("feed", Ok(figures(12.0)))]).contains("peak MiB"));
        let plain = Figures { cpu: None, peak: None, ..figures(12.0) };
        let words: Vec<String> =
            heads(vec![row("encode", Ok(plain))]).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["row", "median", "min..max", "unit"]);
    }

    #[test]
    fn numbers_keep_three_digits() {
        let numbers = [1234.5, 99.96, 12.34, 1.234, 0.1234, 0.01234, 0.0].map(number);
        assert_eq!(numbers, ["1234", "100.0", "12.3", "1.23", "0.12", "0.0123", "0.0000"]);
    }
}
