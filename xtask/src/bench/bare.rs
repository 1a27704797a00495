//! The least code that writes the same points: what a loop by hand would do, without a check, a
//! queue or a second try. Rows are told as ratios to it.
//!
//! Not here: the sockets that it is written to.

use serde::Serialize as _;

/// A way to write points into a block.
pub(super) trait Format {
    fn open(block: &mut Vec<u8>);
    fn write(block: &mut Vec<u8>, name: &str, value: f64, time: u32);
    fn seal(block: &mut Vec<u8>);
}

/// A line a point.
pub(super) struct Lines;

impl Format for Lines {
    fn open(_: &mut Vec<u8>) {}

    #[inline]
    fn write(block: &mut Vec<u8>, name: &str, value: f64, time: u32) {
        block.extend_from_slice(name.as_bytes());
        block.push(b' ');
        block.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
        block.push(b' ');
        block.extend_from_slice(itoa::Buffer::new().format(time).as_bytes());
        block.push(b'\n');
    }

    fn seal(_: &mut Vec<u8>) {}
}

/// A frame a block, by serde-pickle.
pub(super) struct Pickles;

impl Format for Pickles {
    fn open(block: &mut Vec<u8>) {
        // The length, then PROTO 2, EMPTY_LIST, MARK.
        block.extend_from_slice(b"\0\0\0\0\x80\x02](");
    }

    #[inline]
    fn write(block: &mut Vec<u8>, name: &str, value: f64, time: u32) {
        let options = serde_pickle::SerOptions::new().proto_v2();
        let mut serializer = serde_pickle::Serializer::new(block, options);
        // Memory takes everything, and pickle has a form for all of it.
        let _ = (name, (time, value)).serialize(&mut serializer);
    }

    fn seal(block: &mut Vec<u8>) {
        // APPENDS, STOP.
        block.extend_from_slice(b"e.");
        let length = (block.len() - 4) as u32;
        block[..4].copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use graphite_proto::Protocol;

    use super::super::workload::Workload;
    use super::*;

    fn block<F: Format>() -> Vec<u8> {
        let mut block = Vec::new();
        F::open(&mut block);
        for (name, value, time) in Workload::new().points() {
            F::write(&mut block, name, value, time);
        }
        F::seal(&mut block);
        block
    }

    #[test]
    fn the_bare_loops_write_what_the_library_writes() {
        let workload = Workload::new();
        assert_eq!(block::<Lines>(), workload.encoded(Protocol::Plaintext).unwrap());
        assert_eq!(block::<Pickles>(), workload.encoded(Protocol::Pickle).unwrap());
    }
}
