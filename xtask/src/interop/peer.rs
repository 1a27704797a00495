//! aiographite itself: the same points as bytes, and the same names.
//!
//! Python writes what is below 1e-4 with an exponent, and gives it two digits at least: `1e-05` for
//! our `0.00001`, `2.5e-07` for our `2.5e-7`. But for that the lines are the same bytes.

use std::process::Command;

use graphite_proto::{Metric, Protocol, Timestamp, Value};

use super::compare::Outcome;
use super::points::{PARTS, SCHEMES, now, value, values};
use super::{Bench, Row, helper};
use crate::Result;
use crate::command::output;

/// The codecs know no runtime.
pub(super) fn rows(bench: &Bench) -> Vec<Row> {
    let row = |what: &str, protocol, make: &dyn Fn() -> Result<Outcome>| {
        let outcome = bench.python().map(|_| make().map_err(|error| crate::chain(&*error)));
        let row =
            Row { receiver: format!("aiographite 0.2.0, {what}"), protocol, runtime: "-", outcome };
        println!("{}", row.line());
        row
    };
    vec![
        row("lines", "plaintext", &|| lines(bench)),
        row("pickles", "pickle", &|| pickles(bench)),
        row("names", "-", &|| names(bench)),
    ]
}

fn points(bench: &Bench) -> Vec<Metric<'static>> {
    let time = now();
    let made = values().into_iter().chain((0..bench.points).map(value));
    let point =
        |(index, value)| Metric::new(format!("peer.s{index}"), value).at(time + index as u64);
    made.enumerate().map(point).collect()
}

fn lines(bench: &Bench) -> Result<Outcome> {
    let points = points(bench);
    let input = points.iter().map(|point| format!("line\t{}\n", fields(point))).collect();
    let answers = ask(bench, input, points.len())?;
    let (mut outcome, mut other) = (Outcome::default(), Vec::new());
    for (point, theirs) in points.iter().zip(&answers) {
        outcome.sent += 1;
        let mut ours = Vec::new();
        Protocol::Plaintext.encode([point], Timestamp::from(0), &mut ours)?;
        let theirs = unhex(theirs)?;
        let (ours, theirs) = (String::from_utf8(ours)?, String::from_utf8(theirs)?);
        let plain = theirs.replacen(number(&theirs), &respelled(number(&theirs)), 1);
        if ours == plain {
            outcome.stored += 1;
        } else {
            outcome.fail(format!("{} for aiographite's {}", ours.trim_end(), theirs.trim_end()));
        }
        if plain != theirs {
            other.push((number(&ours).to_owned(), number(&theirs).to_owned()));
        }
    }
    let example = other.first().cloned().unwrap_or_default();
    outcome.note(format!(
        "{} of these lines spell the same number otherwise, as {} for Python's {}",
        other.len(),
        example.0,
        example.1
    ));
    Ok(outcome)
}

/// Returns the value of a line.
fn number(line: &str) -> &str {
    line.split(' ').nth(1).unwrap_or_default()
}

/// Writes a number of Python's as we do.
fn respelled(number: &str) -> String {
    match number.split_once("e-0") {
        None => number.to_owned(),
        Some((digits, "5")) => {
            let sign = if digits.starts_with('-') { "-" } else { "" };
            format!("{sign}0.0000{}", digits.replace(['-', '.'], ""))
        }
        Some((digits, exponent)) => format!("{digits}e-{exponent}"),
    }
}

fn pickles(bench: &Bench) -> Result<Outcome> {
    let points = points(bench);
    let mut input = String::new();
    let batches = points.chunks(10);
    for batch in batches.clone() {
        let mut frame = Vec::new();
        Protocol::Pickle.encode(batch, Timestamp::from(0), &mut frame)?;
        let fields: Vec<String> = batch.iter().map(fields).collect();
        input.push_str(&format!("pickle\t{}\t{}\n", hex(&frame), fields.join("\t")));
    }
    let answers = ask(bench, input, batches.len())?;
    let mut outcome = Outcome { sent: points.len() as u64, ..Outcome::default() };
    let mut rounded = 0;
    for (batch, answer) in batches.zip(&answers) {
        match answer.as_str() {
            "same" => outcome.stored += batch.len() as u64,
            // What carbon makes of any value that it reads.
            "rounded" => {
                outcome.stored += batch.len() as u64;
                rounded += 1;
            }
            other => outcome.fail(format!("the frame from {} on {other}", batch[0].path())),
        }
    }
    outcome.note(format!(
        "{rounded} of {} frames only after float(): aiographite's hold integers beyond 2^53",
        answers.len()
    ));
    Ok(outcome)
}

fn names(bench: &Bench) -> Result<Outcome> {
    let (_, scheme) = SCHEMES[1];
    let mut texts: Vec<String> = PARTS.map(str::to_owned).to_vec();
    // Every character of the first planes' beginnings, alone and among others.
    for code in (1..0x3000).chain(0x1f600..0x1f640) {
        texts.extend(char::from_u32(code).map(|odd| format!("a{odd}.b")));
    }
    let input = texts.iter().map(|text| format!("name\t{}\n", hex(text.as_bytes()))).collect();
    let answers = ask(bench, input, texts.len())?;
    let mut outcome = Outcome { sent: texts.len() as u64, ..Outcome::default() };
    for (text, theirs) in texts.iter().zip(&answers) {
        let (ours, theirs) = (scheme.encode(text)?, String::from_utf8(unhex(theirs)?)?);
        if ours == theirs {
            outcome.stored += 1;
        } else {
            outcome.fail(format!("{text:?} is {ours}, for aiographite {theirs}"));
        }
    }
    Ok(outcome)
}

fn fields(point: &Metric<'_>) -> String {
    let value = match point.value() {
        Value::F64(value) => format!("f\t{:016x}", value.to_bits()),
        integer => format!("i\t{integer}"),
    };
    let time = point.timestamp().map_or(0, Timestamp::seconds);
    format!("{}\t{value}\t{time}", point.path())
}

fn ask(bench: &Bench, input: String, wanted: usize) -> Result<Vec<String>> {
    let mut command = Command::new(bench.python()?);
    command.arg(helper("peer.py"));
    let answer = output(&mut command, &input)?;
    let answers: Vec<String> = answer.lines().map(str::to_owned).collect();
    match answers.len() {
        found if found == wanted => Ok(answers),
        found => Err(format!("{found} answers for {wanted} questions").into()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    let digits = |at| text.get(at..at + 2).ok_or("hex of an odd length");
    (0..text.len()).step_by(2).map(|at| Ok(u8::from_str_radix(digits(at)?, 16)?)).collect()
}
