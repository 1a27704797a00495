//! Senders without a library: blocks over a blocking socket, and single lines over a runtime's own.
//!
//! Not here: the bytes that they write, which are made in `bare.rs`.

use std::io::Write as _;
use std::net::TcpStream;

use graphite_proto::Protocol;

use super::bare::{Format, Lines, Pickles};
use super::clock::{Told, Watch};
use super::job::{Job, Sender};
use super::workload::{BLOCK, Workload};

/// Sends blocks of 64 KiB.
pub(super) fn blocks(job: &Job) -> crate::Result<Told> {
    let stream = TcpStream::connect(job.address)?;
    match (job.sender, job.protocol()) {
        (Sender::Raw, protocol) => raw(job, stream, &Workload::new().encoded(protocol)?),
        (_, Protocol::Pickle) => bare::<Pickles>(job, stream),
        _ => bare::<Lines>(job, stream),
    }
}

/// Sends the same bytes over and over, cut into blocks.
fn raw(job: &Job, mut stream: TcpStream, cycle: &[u8]) -> crate::Result<Told> {
    // As many cycles as blocks, so that a block may begin anywhere in a cycle.
    let bytes = cycle.repeat(BLOCK.div_ceil(cycle.len()) + 1);
    let watch = Watch::start();
    let (mut at, mut left) = (0, cycle.len() as u64 * job.cycles);
    while left > 0 {
        let length = left.min(BLOCK as u64) as usize;
        stream.write_all(&bytes[at..at + length])?;
        at = (at + length) % cycle.len();
        left -= length as u64;
    }
    watch.stop()
}

/// Encodes into a block and sends it when it is full.
fn bare<F: Format>(job: &Job, mut stream: TcpStream) -> crate::Result<Told> {
    let workload = Workload::new();
    let mut block = Vec::with_capacity(BLOCK);
    let watch = Watch::start();
    for _ in 0..job.cycles {
        for (name, value, time) in workload.points() {
            if block.is_empty() {
                F::open(&mut block);
            }
            F::write(&mut block, name, value, time);
            // Room for another point.
            if block.len() + 100 > BLOCK {
                F::seal(&mut block);
                stream.write_all(&block)?;
                block.clear();
            }
        }
    }
    if !block.is_empty() {
        F::seal(&mut block);
        stream.write_all(&block)?;
    }
    watch.stop()
}

/// Writes each line by a call of its own: the same code for both runtimes, whose streams differ.
macro_rules! by_lines {
    ($runtime:ident, $stream:ty, $write:path) => {
        pub(super) async fn $runtime(job: &Job) -> crate::Result<Told> {
            use $write as _;

            let mut stream = <$stream>::connect(job.address).await?;
            stream.set_nodelay(true)?;
            let workload = Workload::new();
            let mut line = Vec::new();
            let watch = Watch::start();
            for _ in 0..job.cycles {
                for (name, value, time) in workload.points() {
                    line.clear();
                    Lines::write(&mut line, name, value, time);
                    stream.write_all(&line).await?;
                }
            }
            watch.stop()
        }
    };
}

by_lines!(tokio, tokio::net::TcpStream, tokio::io::AsyncWriteExt);
by_lines!(async_std, async_std::net::TcpStream, async_std::io::WriteExt);
