//! Rows of encoding alone: one thread, memory to memory, told in processor time.
//!
//! Not here: names, which are another group ([`super::names`]).

use std::hint::black_box;
use std::io::Write as _;
use std::process::Command;

use graphite_proto::Protocol;

use super::Setup;
use super::bare::{Format, Lines, Pickles};
use super::clock::busy;
use super::peers::script;
use super::row::Kind::{Bare, Ours, Peer};
use super::row::Reach::AtMost;
use super::row::{Kind, Row, Sample};
use super::rows::PROTOCOLS;
use super::workload::{CYCLE, Workload};
use crate::command::output;

const CYCLES: u64 = 2000;
const UNIT: &str = "CPU ns/point";

pub(super) fn rows(setup: &Setup) -> crate::Result<Vec<Row>> {
    let cycles = setup.less(CYCLES, 5);
    let mut rows = Vec::new();
    for protocol in PROTOCOLS {
        let bare = format!("bare loop, {protocol}");
        let encoded = Workload::new().encoded(protocol)?;
        let copy = move |out: &mut Vec<u8>, _: &Workload| {
            out.extend_from_slice(black_box(&encoded));
            Ok(())
        };
        rows.push(row(Bare, format!("memcpy, {protocol}"), cycles, copy));
        let pickle = protocol == Protocol::Pickle;
        rows.push(row(
            Bare,
            bare.clone(),
            cycles,
            if pickle { by::<Pickles> } else { by::<Lines> },
        ));
        if !pickle {
            rows.push(row(Bare, format!("write!, {protocol}"), cycles, write).against(&bare, None));
        }
        let ours = move |out: &mut Vec<u8>, workload: &Workload| {
            Ok(protocol.encode(workload.points(), 0, out)?)
        };
        let reach = AtMost(if pickle { 1.5 } else { 1.2 });
        let name = format!("Protocol::encode, {protocol}");
        rows.push(row(Ours, name, cycles, ours).against(&bare, Some(reach)));
        rows.push(aiographite(setup, protocol, cycles / 20).against(&bare, None));
    }
    Ok(rows)
}

/// A row that writes a cycle of points into an empty buffer, over and over.
fn row(
    kind: Kind,
    name: String,
    cycles: u64,
    write: impl Fn(&mut Vec<u8>, &Workload) -> crate::Result + 'static,
) -> Row {
    let (workload, mut out) = (Workload::new(), Vec::new());
    Row::new(kind, name, UNIT, move || {
        let nanos = busy(|| {
            for _ in 0..cycles {
                out.clear();
                write(&mut out, black_box(&workload))?;
                black_box(&out);
            }
            Ok(())
        })?;
        Ok(Sample::one(nanos / (cycles * CYCLE) as f64))
    })
}

fn by<F: Format>(out: &mut Vec<u8>, workload: &Workload) -> crate::Result {
    F::open(out);
    for (name, value, time) in workload.points() {
        F::write(out, name, value, time);
    }
    F::seal(out);
    Ok(())
}

fn write(out: &mut Vec<u8>, workload: &Workload) -> crate::Result {
    for (name, value, time) in workload.points() {
        writeln!(out, "{name} {value} {time}")?;
    }
    Ok(())
}

fn aiographite(setup: &Setup, protocol: Protocol, cycles: u64) -> Row {
    let python = setup.python();
    let found = python.clone().unwrap_or_default();
    let name = format!("aiographite 0.2.0, {protocol}");
    Row::new(Peer, name, UNIT, move || {
        let mut command = Command::new(&found);
        command.arg(script()).args(["encode", &protocol.to_string(), &cycles.to_string()]);
        Ok(Sample::one(output(&mut command, "")?.trim().parse()?))
    })
    .needs(&python)
}
