//! A histogram's samples: counted in bins as they are recorded, by any number of threads at once.
//!
//! It stands where metrics-util has a bucket of samples and a summary that is made of them at each
//! report. That bucket loses samples that are recorded while it is emptied, grows with every sample
//! until then, and makes a report's work grow with the samples; the summary is allocated anew each
//! time. Here nothing is lost, memory and work are bounded, and recording takes no longer.
//!
//! Not here: what is sent of it ([`super::series`]).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use ::metrics::{GaugeFn as _, HistogramFn};

/// How many bits of a mantissa tell bins apart: an octave has 512, each less than 0.2 % wide.
const MANTISSA: u32 = 9;
/// What of a key's bits tells nothing of its bin.
const SHIFT: u32 = 52 - MANTISSA;
const SIGN: u64 = 1 << 63;

/// The bins of a power of two.
struct Octave {
    /// A bit for each bin that may hold something, so that reading looks at no other.
    used: [AtomicU64; 8],
    bins: [AtomicU64; 1 << MANTISSA],
}

/// The octaves of 64 exponents in a row.
type Octaves = [OnceLock<Box<Octave>>; 64];

/// Samples of one series.
///
/// The bins are what counts: a sample is in a report when it is in one. Sum and extremes are kept
/// exactly beside them, and are brought between what the bins allow where a sample that is being
/// recorded is in the one and not yet in the other.
pub(super) struct Sketch {
    /// Of all finite floats in ascending order, made where a sample falls.
    octaves: [OnceLock<Box<Octaves>>; 64],
    /// These are floats, by their bits.
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
    /// NaN and infinite samples.
    refused: AtomicU64,
}

/// So many samples in one bin.
#[derive(Clone, Copy, Debug)]
struct Bin {
    number: u32,
    samples: u64,
}

/// What was read from a sketch; kept for the next one, so that reading allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Reading {
    bins: Vec<Bin>,
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) refused: u64,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            octaves: [const { OnceLock::new() }; 64],
            sum: AtomicU64::new(0),
            min: AtomicU64::new(f64::INFINITY.to_bits()),
            max: AtomicU64::new(f64::NEG_INFINITY.to_bits()),
            refused: AtomicU64::new(0),
        }
    }
}

impl HistogramFn for Sketch {
    fn record(&self, sample: f64) {
        if !sample.is_finite() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // The bin comes last: what is counted has been summed.
        self.sum.increment(sample);
        extend(&self.min, sample, |sample, least| sample < least);
        extend(&self.max, sample, |sample, most| sample > most);
        let number = number(sample);
        self.octave(number >> MANTISSA).count(number as usize & 511);
    }
}

impl Octave {
    fn new() -> Box<Self> {
        Box::new(Self {
            used: [const { AtomicU64::new(0) }; 8],
            bins: [const { AtomicU64::new(0) }; 1 << MANTISSA],
        })
    }

    /// Counts a sample. Its bin is marked after it, while a reader takes the mark before: in the one
    /// order of all these, a sample that the reader does not see finds no mark, and sets it.
    fn count(&self, bin: usize) {
        self.bins[bin].fetch_add(1, Ordering::SeqCst);
        let (used, bit) = (&self.used[bin >> 6], 1 << (bin & 63));
        if used.load(Ordering::SeqCst) & bit == 0 {
            used.fetch_or(bit, Ordering::SeqCst);
        }
    }

    /// Reads the bins that hold something, in ascending order; `read` is asked for the marks, too.
    fn read(&self, read: fn(&AtomicU64) -> u64, mut tell: impl FnMut(u32, u64)) {
        for (base, used) in (0..).step_by(64).zip(&self.used) {
            if used.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut marks = read(used);
            while marks != 0 {
                let bin = base + marks.trailing_zeros();
                marks &= marks - 1;
                tell(bin, read(&self.bins[bin as usize]));
            }
        }
    }
}

/// Makes a sample the extreme if it lies beyond the one that is there.
fn extend(extreme: &AtomicU64, sample: f64, beyond: fn(f64, f64) -> bool) {
    let better = |bits| beyond(sample, f64::from_bits(bits)).then(|| sample.to_bits());
    if better(extreme.load(Ordering::Relaxed)).is_some() {
        // It fails where another sample was further beyond.
        let _ = extreme.fetch_update(Ordering::AcqRel, Ordering::Relaxed, better);
    }
}

impl Sketch {
    fn octave(&self, number: u32) -> &Octave {
        let (upper, lower) = (number as usize >> 6, number as usize & 63);
        let octaves = self.octaves[upper].get_or_init(|| Box::new([const { OnceLock::new() }; 64]));
        octaves[lower].get_or_init(Octave::new)
    }

    /// Takes what was recorded out of the sketch.
    pub(super) fn take(&self, reading: &mut Reading) {
        reading.bins(self, |bin| bin.swap(0, Ordering::SeqCst));
        reading.refused = self.refused.swap(0, Ordering::Relaxed);
        let [sum, min, max] =
            [(&self.sum, 0.0), (&self.min, f64::INFINITY), (&self.max, f64::NEG_INFINITY)].map(
                |(float, empty)| f64::from_bits(float.swap(empty.to_bits(), Ordering::AcqRel)),
            );
        reading.settle(sum, min, max);
    }

    /// Looks at what was recorded, and leaves it there.
    pub(super) fn look(&self, reading: &mut Reading) {
        reading.bins(self, |bin| bin.load(Ordering::SeqCst));
        reading.refused = 0;
        let [sum, min, max] = [&self.sum, &self.min, &self.max]
            .map(|float| f64::from_bits(float.load(Ordering::Acquire)));
        reading.settle(sum, min, max);
    }
}

impl Reading {
    /// Reads the bins that hold something, in ascending order.
    fn bins(&mut self, sketch: &Sketch, read: fn(&AtomicU64) -> u64) {
        self.bins.clear();
        self.count = 0;
        let uppers = (0..).step_by(64).zip(&sketch.octaves);
        let uppers = uppers.filter_map(|(first, made)| Some((first, made.get()?)));
        let octaves = uppers.flat_map(|(first, octaves)| (first..).zip(octaves.iter()));
        for (octave, made) in octaves.filter_map(|(number, made)| Some((number, made.get()?))) {
            made.read(read, |bin, samples| {
                // Nothing, where they were taken between the count and its mark.
                if samples > 0 {
                    self.count = self.count.saturating_add(samples);
                    self.bins.push(Bin { number: octave << MANTISSA | bin, samples });
                }
            });
        }
    }

    /// Brings sum and extremes between what the bins allow: an extreme that was taken by the report
    /// before, while its sample was being recorded, is that end of its bin which leaves the others
    /// between the two.
    fn settle(&mut self, sum: f64, min: f64, max: f64) {
        let (Some(first), Some(last)) = (self.bins.first(), self.bins.last()) else {
            (self.sum, self.min, self.max) = (0.0, 0.0, 0.0);
            return;
        };
        let ((lowest, low), (high, highest)) = (bounds(first.number), bounds(last.number));
        self.min = if min <= low { min.max(lowest) } else { lowest };
        self.max = if max >= high { max.min(highest) } else { highest };
        #[expect(
            clippy::cast_precision_loss,
            reason = "beyond 2^53 samples the sum is rounded too"
        )]
        let at = |end: fn((f64, f64)) -> f64| -> f64 {
            self.bins.iter().map(|bin| end(bounds(bin.number)) * bin.samples as f64).sum()
        };
        self.sum = sum.max(at(|(least, _)| least)).min(at(|(_, most)| most));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bins.is_empty()
    }

    /// Returns the mean, which lies between the extremes.
    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 samples the sum is rounded too")]
    pub(super) fn mean(&self) -> f64 {
        (self.sum / self.count as f64).max(self.min).min(self.max)
    }

    /// Returns a quantile: the middle of the bin of the sample that stands there when all are
    /// sorted, the lower one of two, as metrics-util's summary does.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank from 0 to the number of samples"
    )]
    pub(super) fn quantile(&self, quantile: f64) -> f64 {
        let rank = (quantile * self.count.saturating_sub(1) as f64) as u64;
        let mut below = 0_u64;
        let bin = self.bins.iter().find(|bin| {
            below = below.saturating_add(bin.samples);
            below > rank
        });
        bin.or_else(|| self.bins.last())
            .map_or(0.0, |bin| middle(bin.number).max(self.min).min(self.max))
    }
}

/// Returns the number of a sample's bin. The bits of floats, those of negative ones inverted, are in
/// the order of the floats.
fn number(sample: f64) -> u32 {
    let bits = sample.to_bits();
    let key = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    (key >> SHIFT) as u32
}

/// Returns the least and the greatest float of a bin.
fn bounds(number: u32) -> (f64, f64) {
    let float = |key: u64| f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN });
    let least = u64::from(number) << SHIFT;
    (float(least), float(least | ((1 << SHIFT) - 1)))
}

/// Returns what stands for the samples of a bin: its middle; zero for what is next to nothing.
fn middle(number: u32) -> f64 {
    let (least, most) = bounds(number);
    if least.abs().min(most.abs()) < f64::MIN_POSITIVE { 0.0 } else { least / 2.0 + most / 2.0 }
}

#[cfg(test)]
mod tests;
