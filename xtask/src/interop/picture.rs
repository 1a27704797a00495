//! `cargo xtask picture`: what `cargo xtask demo` sends, as graphite-web draws it; README shows it.
//!
//! Not here: whether every point is there as it was sent, which the rows of graphite-web tell.

use std::path::Path;

use clap::value_parser;

use super::compare::parse;
use super::points::now;
use super::process::wait;
use super::web::Graphite;
use super::{Bench, install};
use crate::workspace::root;
use crate::{Result, demo};

/// The most that the repository takes, in bytes.
const LIMIT: usize = 25_000;

/// How every file of the format begins.
const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The series that are drawn, as the demo names them, and the targets that make lines of them.
const DRAWN: [(&str, &str); 2] = [
    (
        "demo.tokio.plaintext.cpu.busy_percent",
        "alias(demo.tokio.plaintext.cpu.busy_percent,'processor, %')",
    ),
    (
        "demo.tokio.plaintext.memory.used_bytes",
        "alias(secondYAxis(scale(demo.tokio.plaintext.memory.used_bytes,1e-6)),'memory, MB (right)')",
    ),
];

/// How graphite-web draws. Steps are what was measured, and slopes take twice the bytes.
const LOOK: &str = "format=png\nwidth=586\nheight=308\ntitle=This machine, sent by cargo xtask demo\n\
    bgcolor=white\nfgcolor=black\nmajorGridLineColor=#dddddd\nminorGridLineColor=#f2f2f2\n\
    colorList=#2f7ed8,#c0392b\nareaMode=first\nareaAlpha=0.25\nlineMode=staircase\n\
    lineWidth=1.4\nminorY=0\nfontSize=9\nyMinLeft=0\nyMaxLeft=100\nhideLegend=false\ntz=UTC\n";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long the demo sends, from 10 to 120 seconds: the span of the picture.
    #[arg(long, value_name = "N", default_value_t = 60)]
    #[arg(value_parser = value_parser!(u64).range(10..=120))]
    seconds: u64,
}

/// Draws the picture into the repository; if that fails, the folder with the logs is kept.
pub(crate) fn run(args: Args) -> Result {
    let folder = super::folder("picture-")?;
    let file = root().join("xtask").join("demo.png");
    match draw(folder.path(), args.seconds) {
        Ok(picture) => std::fs::write(&file, &picture)?,
        Err(error) => return Err(format!("{error}; see {}", folder.keep().display()).into()),
    }
    println!("\nThe picture is {}", file.display());
    Ok(folder.close()?)
}

/// Starts carbon and graphite-web, runs the demo into them, and returns the picture.
fn draw(folder: &Path, seconds: u64) -> Result<Vec<u8>> {
    let bench = Bench::new(0, true, folder)?;
    install::web(&bench.python()?)?;
    let graphite = Graphite::start(&bench, folder, "")?;
    let begin = now();
    demo::run(demo::Args::to(graphite.cache.line, seconds))?;
    let end = now();
    settled(&bench, &graphite, begin, end)?;
    let file = folder.join("demo.png");
    let place = file.display().to_string();
    // The first and the last second may have been cut.
    bench.helper(&["draw", &graphite.url, &place], request(begin + 1, end - 1))?;
    checked(std::fs::read(&file)?)
}

/// Waits until graphite-web has the last points of all that is drawn; carbon takes them in order.
fn settled(bench: &Bench, graphite: &Graphite, begin: u64, end: u64) -> Result {
    let names: String = DRAWN.map(|(name, _)| format!("{name}\n")).concat();
    wait("graphite-web has the demo's last points", || {
        let arguments = ["render", &graphite.url, &begin.to_string()];
        let found = parse(&bench.helper(&arguments, names.clone())?)?;
        let late = found.values().filter(|points| points.iter().any(|&(time, _)| time + 2 > end));
        Ok(late.count() == DRAWN.len())
    })
}

/// Returns what graphite-web is asked for, a field a line.
fn request(begin: u64, end: u64) -> String {
    let targets = DRAWN.map(|(_, target)| format!("target={target}\n")).concat();
    format!("{LOOK}from={begin}\nuntil={end}\n{targets}")
}

/// Refuses what is no picture, or too much of one.
fn checked(picture: Vec<u8>) -> Result<Vec<u8>> {
    let length = picture.len();
    if !picture.starts_with(MAGIC) {
        return Err(format!("graphite-web answered {length} bytes that are no PNG").into());
    }
    if length > LIMIT {
        return Err(format!("the picture has {length} bytes, more than {LIMIT}").into());
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_of_bearable_size_are_kept() {
        let picture = |more: usize| [MAGIC, &vec![0; more]].concat();
        assert_eq!(checked(picture(LIMIT - MAGIC.len())).unwrap().len(), LIMIT);
        let refused = |bytes| checked(bytes).unwrap_err().to_string();
        assert_eq!(
            refused(picture(LIMIT - MAGIC.len() + 1)),
            "the picture has 25001 bytes, more than 25000"
        );
        assert_eq!(refused(b"<html>".to_vec()), "graphite-web answered 6 bytes that are no PNG");
    }

    #[test]
    fn every_target_draws_its_series() {
        for (name, target) in DRAWN {
            assert!(target.contains(name), "{name} in {target}");
            assert!(request(1, 2).contains(&format!("\ntarget={target}\n")), "{target}");
        }
    }
}
