//! `cargo xtask budget`: instructions a point, counted by valgrind's callgrind, against ceilings.
//!
//! `xtask/budgets.txt` holds the ceilings; the program `budget` is what is counted, in release and
//! in a process of its own, with the receiver in this one. Each row runs twice, with a number of
//! points and with three times as many, and the difference is divided: what it takes to begin and
//! to end does not count. Not here: how long anything takes, which the benchmarks tell.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::Result;
use crate::command::{output, quiet};
use crate::workspace::{cargo, read, root, target};

/// How often each run sends a row's points.
const TIMES: [&str; 2] = ["1", "3"];

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Only rows whose name holds one of these.
    rows: Vec<String>,
}

/// Runs every row, for every change.
pub(crate) fn all() -> Result {
    run(Args::default())
}

/// Runs the rows that are asked for; fails if one is over its ceiling.
pub(crate) fn run(Args { rows: wanted }: Args) -> Result {
    // Other machines have other instructions.
    if !cfg!(target_arch = "x86_64") {
        println!("skipped: the ceilings are those of x86-64");
        return Ok(());
    }
    if output(Command::new("valgrind").arg("--version"), "").is_err() {
        println!("skipped: no valgrind");
        return Ok(());
    }
    quiet(&mut cargo(["build", "--release", "--quiet", "--package", "budget"]))?;
    let program = Program::new()?;
    let ceilings = ceilings(&read(&root().join("xtask/budgets.txt"))?)?;
    agree(&ceilings, &output(&mut Command::new(&program.path), "")?)?;

    println!("instructions a point         measured    ceiling   of it  verdict");
    let (mut over, mut rows) = (Vec::new(), 0);
    for (row, ceiling) in ceilings {
        if !wanted.is_empty() && !wanted.iter().any(|part| row.contains(part)) {
            continue;
        }
        rows += 1;
        let measured = program.measure(&row)?;
        let good = measured <= ceiling;
        let verdict = if good { "ok" } else { "OVER" };
        let share = measured / ceiling * 100.0;
        println!("{row:25} {measured:>11.1} {ceiling:>10.0} {share:>5.0} %  {verdict}");
        if !good {
            over.push(format!("{row} takes {measured:.1} of {ceiling}"));
        }
    }
    match over.is_empty() {
        true => {
            println!("all of {rows} within budget");
            Ok(())
        }
        false => Err(format!("instructions a point: {}", over.join("; ")).into()),
    }
}

/// Reads lines of a row's name and its ceiling.
fn ceilings(text: &str) -> Result<Vec<(String, f64)>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let ceiling = |line: &str| {
        let (row, ceiling) = line.rsplit_once(' ')?;
        Some((row.trim().to_owned(), ceiling.parse::<u32>().ok()?.into()))
    };
    let wrong = |line| format!("budgets.txt: {line:?} is not a row and its ceiling").into();
    lines.map(|line| ceiling(line).ok_or_else(|| wrong(line))).collect()
}

/// Checks that each row of the program has a ceiling, and each ceiling a row.
fn agree(ceilings: &[(String, f64)], rows: &str) -> Result {
    if let Some(row) = rows.lines().find(|row| !ceilings.iter().any(|(name, _)| name == row)) {
        return Err(format!("budgets.txt has no ceiling for {row:?}").into());
    }
    match ceilings.iter().find(|(name, _)| !rows.lines().any(|row| row == name)) {
        Some((name, _)) => Err(format!("budgets.txt: there is no row {name:?}").into()),
        None => Ok(()),
    }
}

/// What is counted, and where it sends to.
struct Program {
    path: PathBuf,
    counts: PathBuf,
    receiver: SocketAddr,
}

impl Program {
    fn new() -> Result<Self> {
        let target = target()?;
        let counts = target.join("budget");
        std::fs::create_dir_all(&counts)?;
        Ok(Self { path: target.join("release/budget"), counts, receiver: receiver()? })
    }

    /// Returns a row's instructions a point. What was counted stays, to be looked at with
    /// `callgrind_annotate`.
    fn measure(&self, row: &str) -> Result<f64> {
        let [(few, fewer), (many, more)] = [self.count(row, TIMES[0])?, self.count(row, TIMES[1])?];
        Ok((more - fewer) / (many - few))
    }

    /// Returns how many points a run sent, and its instructions.
    fn count(&self, row: &str, times: &str) -> Result<(f64, f64)> {
        let file = self.counts.join(format!("{}.{times}.out", row.replace(' ', ".")));
        let mut command = Command::new("valgrind");
        command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", file.display()));
        command.arg(&self.path).args([row, times, &self.receiver.to_string()]);
        let points = output(&mut command, "")?;
        Ok((points.trim().parse()?, total(&file)?))
    }
}

/// Returns the sum that stands in a file of callgrind's.
fn total(file: &Path) -> Result<f64> {
    let text = read(file)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.ok_or_else(|| format!("{}: no totals", file.display()))?;
    Ok(total.trim().parse()?)
}

/// Reads whatever comes, one connection after the other, as long as this process lasts.
fn receiver() -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        for mut stream in listener.incoming().flatten() {
            while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
        }
    });
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_are_read_and_wrong_lines_named() {
        let text = "# Comment.\n\nsend pickle      1200\nfeed pickle 80\n";
        let expected = vec![("send pickle".to_owned(), 1200.0), ("feed pickle".to_owned(), 80.0)];
        assert_eq!(ceilings(text).unwrap(), expected);
        for wrong in ["send", "send pickle", "send pickle -1", "send pickle 1e9"] {
            let error = ceilings(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("{wrong:?}")), "{error}");
        }
    }

    #[test]
    fn a_row_without_a_ceiling_and_a_ceiling_without_a_row_are_found() {
        let ceilings = ceilings("feed pickle 80\nsend pickle 1200\n").unwrap();
        assert!(agree(&ceilings, "send pickle\nfeed pickle\n").is_ok());
        let error = |rows| agree(&ceilings, rows).unwrap_err().to_string();
        assert!(error("send pickle\n").contains("no row \"feed pickle\""));
        assert!(error("send pickle\nfeed pickle\nfeed plaintext\n").contains("feed plaintext"));
    }
}
