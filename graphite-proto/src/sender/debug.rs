//! How a sender shows itself to developers: state, counts and settings, in less than a kilobyte.
//!
//! Not here: its points, which may be megabytes.

use std::fmt;

use super::Sender;

/// The most that is shown, in bytes: a client around the sender stays below a kilobyte with it.
const MOST: usize = 880;
/// The most that is shown of a failure, whose text may be anything.
const MOST_OF_FAILURE: usize = 120;

/// The settings come last, and the prefix last of them: it may be long, and is cut.
impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_cut(f, MOST, &Shown(self))
    }
}

struct Shown<'a>(&'a Sender);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(sender) = self;
        f.debug_struct("Sender")
            .field("phase", &Cut(&sender.phase))
            .field("failures", &sender.failures)
            .field("last_failure", &sender.last_failure.as_ref().map(Cut))
            .field("stats", &sender.stats())
            .field("config", &sender.config)
            .finish_non_exhaustive()
    }
}

/// A value that holds a failure's text.
struct Cut<T>(T);

impl<T: fmt::Debug> fmt::Debug for Cut<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_cut(f, MOST_OF_FAILURE, &self.0)
    }
}

fn write_cut(f: &mut fmt::Formatter<'_>, most: usize, value: &dyn fmt::Debug) -> fmt::Result {
    const ELLIPSIS: &str = "…";
    // In one line also where many are asked for: their indents count too.
    let text = format!("{value:?}");
    if text.len() <= most {
        return f.write_str(&text);
    }
    let border = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=most - ELLIPSIS.len()).rev().find(border).unwrap_or(0);
    f.write_str(&text[..end])?;
    f.write_str(ELLIPSIS)
}
