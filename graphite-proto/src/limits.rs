//! What real receivers read, in bytes, and where frames are cut.

/// The longest plaintext line that carbon reads, in bytes without its newline: twisted's
/// `LineOnlyReceiver.MAX_LENGTH`. One byte more and carbon closes the connection in silence.
pub const MAX_LINE_BYTES: usize = 16_384;

/// The longest pickle that carbon reads, in bytes without the four of its length: 2^20,
/// `PICKLE_RECEIVER_MAX_LENGTH` in carbon's conf.py. One byte more and carbon closes the
/// connection in silence.
pub const MAX_FRAME_BYTES: usize = 1_048_576;

/// Where a frame is sealed unless configured otherwise, in bytes: large enough to cost nothing,
/// small enough for every receiver's limit and for a short replay.
pub const FRAME_BYTES: usize = 65_536;

/// The longest datagram that UDP over IPv4 carries, in bytes: 65,535 without the headers of IP (20) and
/// UDP (8), RFC 791 and RFC 768.
pub const MAX_DATAGRAM_BYTES: usize = 65_507;
