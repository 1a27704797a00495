//! The picture of a run: a bar for each row that was measured, as SVG.
//!
//! Its texts are SVG's own, so that no font is needed to draw it. Not here: rows without figures,
//! and groups that a table tells better.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::machine::Machine;
use super::report::{Table, number};
use super::row::{Figures, Kind, Outcome};

const WIDTH: i32 = 900;
const MARGIN: i32 = 16;
/// Where the bars begin, and the longest ends.
const BARS: (i32, i32) = (290, 690);
/// From one bar to the next, and from one group to the next.
const STEP: i32 = 17;
const GAP: i32 = 22;
/// The lines at the top.
const HEAD: i32 = 92;

const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const PALE: RGBColor = RGBColor(0x77, 0x77, 0x77);

/// How a kind of rows is painted, and what it is called.
const KINDS: [(Kind, RGBColor, &str); 3] = [
    (Kind::Ours, RGBColor(0x1F, 0x77, 0xB4), "this repository"),
    (Kind::Bare, RGBColor(0xB0, 0xB0, 0xB0), "the bare work"),
    (Kind::Peer, RGBColor(0xE6, 0x9F, 0x00), "other libraries"),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = crate::Result;

/// Draws the groups that are to be seen in a picture.
pub(super) fn draw(machine: &Machine, tables: &[Table]) -> crate::Result<String> {
    let groups: Vec<Group<'_>> =
        tables.iter().filter(|table| table.charted).map(Group::of).collect();
    let height = HEAD + groups.iter().map(Group::height).sum::<i32>() + MARGIN;
    let mut svg = String::new();
    {
        let area =
            SVGBackend::with_string(&mut svg, (WIDTH as u32, height as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        head(&area, machine)?;
        let mut top = HEAD;
        for group in &groups {
            group.draw(&area, top)?;
            top += group.height();
        }
        area.present()?;
    }
    Ok(svg)
}

fn head(area: &Area<'_>, machine: &Machine) -> Drawn {
    text(area, &machine.command, (MARGIN, 20), 16, INK, HPos::Left)?;
    text(area, &machine.line(), (MARGIN, 42), 12, PALE, HPos::Left)?;
    text(area, super::LEGEND, (MARGIN, 60), 12, PALE, HPos::Left)?;
    let mut left = MARGIN;
    for (_, color, name) in KINDS {
        area.draw(&Rectangle::new([(left, 72), (left + 10, 82)], color.filled()))?;
        text(area, name, (left + 16, 77), 12, INK, HPos::Left)?;
        left += 130;
    }
    area.draw(&PathElement::new([(left, 77), (left + 10, 77)], INK))?;
    let spread = "min..max of the runs; of latency min..90 %";
    text(area, spread, (left + 16, 77), 12, INK, HPos::Left)
}

/// Where the line of a row's spread ends: a single late one of hundreds would leave no bar to see.
fn far(figures: &Figures) -> f64 {
    figures.ninety.unwrap_or(figures.value.most)
}

/// A group's rows that have figures.
struct Group<'a> {
    table: &'a Table,
    rows: Vec<(&'a Outcome, &'a Figures)>,
}

impl<'a> Group<'a> {
    fn of(table: &'a Table) -> Self {
        let measured = |row: &'a Outcome| Some((row, row.outcome.as_ref().ok()?));
        Self { table, rows: table.rows.iter().filter_map(measured).collect() }
    }

    fn height(&self) -> i32 {
        GAP + STEP + self.rows.len() as i32 * STEP
    }

    fn heading(&self) -> String {
        let is_rate = |(row, _): &(&Outcome, _)| row.unit.ends_with("/s");
        let better = match self.rows.iter().filter(|row| is_rate(row)).count() {
            0 => "shorter is better",
            rates if rates == self.rows.len() => "longer is better",
            _ => "longer is better, but of time",
        };
        format!("{}; {better}", self.table.heading())
    }

    /// Returns what the longest line of a unit stands for.
    fn most(&self, unit: &str) -> f64 {
        let same = self.rows.iter().filter(|(row, _)| row.unit == unit);
        same.map(|(_, figures)| far(figures)).fold(0.0, f64::max)
    }

    /// Draws it below a line.
    fn draw(&self, area: &Area<'_>, top: i32) -> Drawn {
        let heading = (MARGIN, top + GAP / 2 + 4);
        text(area, &self.heading(), heading, 13, INK, HPos::Left)?;
        for (index, (row, figures)) in self.rows.iter().enumerate() {
            let middle = top + GAP + STEP / 2 + index as i32 * STEP + 2;
            let value = figures.value;
            let most = self.most(row.unit);
            let at = |figure: f64| {
                let share = if most > 0.0 { figure / most } else { 0.0 };
                BARS.0 + (share * f64::from(BARS.1 - BARS.0)).round() as i32
            };
            text(area, &row.name, (BARS.0 - 8, middle), 12, INK, HPos::Right)?;
            let color =
                KINDS.iter().find(|(kind, ..)| *kind == row.kind).map_or(PALE, |kind| kind.1);
            let bar = [(BARS.0, middle - 6), (at(value.median).max(BARS.0 + 1), middle + 5)];
            area.draw(&Rectangle::new(bar, color.filled()))?;
            let spread = [(at(value.least), middle), (at(far(figures)), middle)];
            area.draw(&PathElement::new(spread, INK))?;
            let figure = format!("{} {}", number(value.median), row.unit);
            let least = at(value.median).max(at(far(figures)));
            text(area, &figure, (least + 6, middle), 12, INK, HPos::Left)?;
        }
        Ok(())
    }
}

fn text(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: i32,
    color: RGBColor,
    side: HPos,
) -> Drawn {
    let style = ("sans-serif", size).into_font().color(&color).pos(Pos::new(side, VPos::Center));
    Ok(area.draw(&Text::new(text, at, style))?)
}

#[cfg(test)]
mod tests {
    use super::super::row::{Row, Sample, run};
    use super::*;

    fn table(charted: bool) -> Table {
        let measured = |name: &str, value: f64| {
            Row::new(Kind::Ours, name, "M points/s", move || Ok(Sample::one(value)))
        };
        let missing: Result<(), String> = Err("no Python".to_owned());
        let rows = vec![
            measured("half <of it>", 5.0),
            measured("whole", 10.0),
            measured("absent", 10.0).needs(&missing),
        ];
        Table { name: "deliver", title: "points", rounds: 1, charted, rows: run(rows, 1).unwrap() }
    }

    fn drawn(charted: bool) -> String {
        draw(&Machine::read("cargo xtask bench".to_owned()), &[table(charted)]).unwrap()
    }

    #[test]
    fn a_row_is_a_bar_of_its_length_and_a_skipped_one_is_none() {
        let svg = drawn(true);
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("half &lt;of it&gt;") && svg.contains("5.00 M points/s"), "{svg}");
        assert!(svg.contains("longer is better") && !svg.contains("absent"), "{svg}");
        for width in ["width=\"200\"", "width=\"400\""] {
            assert!(svg.contains(width), "{width}: {svg}");
        }
    }

    #[test]
    fn a_group_that_a_table_tells_better_is_not_drawn() {
        assert!(!drawn(false).contains("whole"));
    }
}
