//! Rows of names: each scheme of graphite-encoder, beside what Python's own codecs take, in
//! processor time.
//!
//! Not here: the cost beside a bare scan, which is `cargo bench -p graphite-encoder`.

use std::hint::black_box;
use std::process::Command;

use graphite_encoder::Scheme;

use super::Setup;
use super::clock::busy;
use super::row::Kind::{Ours, Peer};
use super::row::{Row, Sample};
use crate::command::output;

/// A part that is clean, and one of other letters.
const PARTS: [&str; 2] = ["servers_web01_cpu_user", "Straße 7"];
/// A scheme, its name, and what makes the same of a part in Python; nothing there makes `Portable`.
const SCHEMES: [(Scheme, &str, Option<&str>); 4] = [
    (Scheme::Idna, "Idna", Some("quote(n.encode('idna')).replace('.', '%2E')")),
    (Scheme::Punycode, "Punycode", Some("quote(n.encode('punycode')).replace('.', '%2E')")),
    (Scheme::Percent, "Percent", Some("quote(n, safe='').replace('.', '%2E')")),
    (Scheme::Portable, "Portable", None),
];
const CALLS: u64 = 200_000;
const UNIT: &str = "CPU ns/name";

pub(super) fn rows(setup: &Setup) -> Vec<Row> {
    let calls = setup.less(CALLS, 5);
    let mut rows = Vec::new();
    for part in PARTS {
        for (scheme, name, code) in SCHEMES {
            let theirs = format!("Python {name}, {part}");
            let ours = Row::new(Ours, format!("{name}, {part}"), UNIT, move || {
                let nanos = busy(|| {
                    for _ in 0..calls {
                        black_box(scheme.encode(black_box(part))?);
                    }
                    Ok(())
                })?;
                Ok(Sample::one(nanos / calls as f64))
            });
            rows.push(ours.against(&theirs, None));
            if let Some(code) = code {
                rows.push(Row::new(Peer, theirs, UNIT, move || python(part, code, calls / 20)));
            }
        }
    }
    rows
}

/// Times an expression of Python's in which the part is called `n`.
fn python(part: &str, code: &str, calls: u64) -> crate::Result<Sample> {
    let program = format!(
        "import sys, time, timeit\nfrom urllib.parse import quote\nn = sys.argv[1]\n\
         t = timeit.timeit(lambda: {code}, timer=time.thread_time, number={calls})\n\
         print(t / {calls} * 1e9)"
    );
    let mut command = Command::new("python3");
    let text = output(command.args(["-X", "utf8", "-c", &program, part]), "")?;
    Ok(Sample::one(text.trim().parse()?))
}
