//! Reporting: the recorder of the [`metrics`](https://docs.rs/metrics) facade. What a service counts and
//! measures becomes series of Graphite.
//!
//! The recorder is told the time and gives points, as everything in this crate. With a client of
//! [`client`](../client/index.html) a [`Reporter`](../client/struct.Reporter.html) runs it; both adapters have all
//! of it in a module `metrics` of their own. With a transport of your own call
//! [`Recorder::collect`] once an interval.
//!
//! # What is sent
//!
//! | kind | series | value |
//! |---|---|---|
//! | counter | `N.count` | the total since the start, or the increase since the last report: [`Counters`] |
//! | gauge | `N` | the last value; none before there is one, and none that is NaN or infinite |
//! | histogram | `N.count`, `.min`, `.max`, `.mean`, `.p50`, `.p75`, `.p95`, `.p99`, `.p999`, and `.sum` if wanted | of the interval's samples alone, but for the count, which is as counters are; an interval without samples sends its count only |
//!
//! `N` is the prefix, the name and the labels. Parts of a name are split at `.`, and each is made safe
//! by [`Scheme::Portable`](graphite_encoder::Scheme::Portable); so are the labels, which become tags or
//! parts of the path: [`Labels`]. With tags the statistic is still part of the name:
//! `shop.web01.latency.p99;route=_2Fcart`. A recorder cannot fail, so no text can:
//!
//! - A part of more than 200 bytes is cut and ends in a hash of the whole, and so does a name of more
//!   than 2,048 bytes.
//! - An empty value of a label is `unspecified`; a label that says so itself gets one more `_`. So does
//!   the label `name`, which is no tag's, and one with the key of a
//!   [global label](RecorderBuilder::global_label).
//! - Two series never share a name. Of a gauge `jobs.count` and a counter `jobs` the later one gets a hash
//!   into its name; [`Recorder::renamed`] counts these.
//!
//! Names are the same in every process and every release, but for those with such a hash: which of the two
//! has it depends on which was there first. Units and descriptions are dropped: Graphite has
//! no place for them. Put the unit into the name, `latency.seconds`.
//!
//! A histogram's quantile is the sample of the rank `q * (n - 1)`, rounded down, of the interval's `n`
//! sorted samples, within 0.1 %; minimum and maximum are exact, but within 0.2 % where a sample is
//! recorded in the very moment of the report. Samples are counted in bins, 512 to each power of two:
//! recording takes no lock, and what a series costs does not grow with their number but with their
//! range: 2 KiB, and 4 KiB for each power of two in which samples lie or lay; 50 KiB for latencies from
//! half a millisecond to two seconds. NaN and infinite samples are left out; [`Recorder::skipped`]
//! counts them.
//!
//! A series that was not touched for ten minutes is no longer sent, and forgotten unless somebody holds
//! its handle: [`idle_timeout`](RecorderBuilder::idle_timeout). A counter that comes up seldom is not
//! seen in a graph of `nonNegativeDerivative`, which needs a value on either side of the increase: count
//! 0 at the start (`counter!("errors").increment(0)`), keep the handle, and set no timeout, or draw
//! [`Counters::PerInterval`].
//!
//! # One value a slot
//!
//! A store keeps one value for a name and an interval: the last one it was sent. A reporter that stamps
//! increases with the time of the call loses some: its last, shorter report falls into the slot of its
//! neighbour. So reports are made at multiples of the interval since the epoch, and each carries the
//! start of the interval it tells of. The interval should be that of the store's finest resolution.
//! Should the time of day be set back, by up to ten intervals, nothing is reported until it is where it
//! was; the next report has all.
//!
//! # Totals or increases
//!
//! | | [`Counters::Total`], default | [`Counters::PerInterval`] |
//! |---|---|---|
//! | a report that is lost | changes nothing | is a gap; what found no room in the queue is in the next report, unless the queue [drops the oldest](crate::Overflow::DropOldest) |
//! | a report that is sent twice | changes nothing | changes nothing, where the store keeps one value |
//! | a function to draw it | `nonNegativeDerivative`, `perSecond` | none |
//! | a store thins it out by | `max` | `sum` |
//! | where every value is summed up (carbon-aggregator) | by `max` or `last` | by `sum`; repeats count twice |
//!
//! # The store's rules
//!
//! Carbon decides by a file's name how it thins out old values when it makes the file, and averages what no
//! rule names, which makes nonsense of counts. Its stock rules end in `$` and find no series with tags.
//! For carbon-cache, `storage-schemas.conf`:
//!
//! ```text
#![doc = include_str!("../examples/storage-schemas.conf")]
//! ```
//!
//! and `storage-aggregation.conf`, for totals:
//!
//! ```text
#![doc = include_str!("../examples/storage-aggregation.conf")]
//! ```
//!
//! For increases the rule for counts has `aggregationMethod = sum`; they have a file of their own, and need
//! a prefix of their own. The files are in the crate's `examples`.
//!
//! Carbon's stock `carbon.conf` makes 50 files a minute (`MAX_CREATES_PER_MINUTE`) and throws away, in
//! silence, the points of series that have no file yet; a histogram is nine series for each set of its
//! labels. Set it to `inf`, or to more than a start of your service needs. No close can tell: `Ok` means
//! read, not stored.
//!
//! Of a series with tags carbon names the file by a hash, `whisper/_tagged/abc/def/HASH.wsp`, HASH being
//! the SHA-256 of the whole name, and announces it to graphite-web (`GRAPHITE_URL`), by which tags are
//! found. Without one it logs `Error tagging` and stores the points all the same. With an older or a
//! bare carbon take [`Labels::Path`].
//!
//! # Instances
//!
//! Two processes with the same prefix and the same global labels overwrite each other's values. Put the
//! host's name into the prefix, `shop.web01`, and the instance where a host runs several; in a tagged
//! name it may be a global label.
//!
//! A process that begins again in the interval in which the one before it ended overwrites that one's
//! last report by its first. Totals miss a part of an interval in the graph; where increases must add
//! up, wait for the next interval, or make the instance another one each time.
//!
//! # At the end
//!
//! [`Reporter::close`](../client/struct.Reporter.html#method.close) reports what there is of the interval that goes
//! on, and waits until the receiver has read everything. A service awaits it when it is told to end, by
//! SIGTERM as a rule, after its last request: what is recorded later is not sent. A process that is
//! killed loses the interval that goes on, and what had not been sent.
//!
//! # Whose storage
//!
//! The registry, its generations, counters and gauges are
//! [metrics-util](https://docs.rs/metrics-util)'s. Its histograms are not: a bucket of samples that
//! is emptied while others record loses some (measured: 0.3 % of 20 million, with one recording thread
//! and a report each millisecond), it grows with every sample, and the summary that is made of it
//! is allocated anew each time. Here nothing is lost, and memory and work are bounded.
//!
//! Not here: timers, queues and sockets.

mod collector;
mod names;
mod recorder;
mod series;
mod settings;
mod sketch;
mod storage;

pub use recorder::Recorder;
pub use settings::{Counters, Labels, RecorderBuilder, Statistics};
