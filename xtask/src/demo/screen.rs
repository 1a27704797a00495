//! The terminal: whether there is one, how large it is, and a block of lines redrawn in place.
//!
//! By hand, since the codes are few and every terminal knows them; a crate of terminals is larger
//! than the demo. Not here: keys. Ctrl-C, the only one, comes as a signal ([`super::interrupts`]).

use std::env;
use std::io::{self, IsTerminal as _, Write as _};

use rustix::termios::tcgetwinsize;

/// No line wraps and no cursor blinks while a block is redrawn.
const BEGIN: &str = "\x1b[?25l\x1b[?7l";
const END: &str = "\x1b[?7h\x1b[?25h";

/// A block of lines at the end of what was printed. The cursor comes back when it is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    drawn: usize,
}

impl Screen {
    /// Takes standard output if it is a terminal that can move its cursor.
    pub(super) fn open() -> io::Result<Option<Self>> {
        let dumb = env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        if dumb || !io::stdout().is_terminal() {
            return Ok(None);
        }
        io::stdout().write_all(BEGIN.as_bytes())?;
        Ok(Some(Self { drawn: 0 }))
    }

    /// Draws the lines over those drawn before.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        // In one write, so that no half of it is ever seen.
        let mut text = String::new();
        if self.drawn > 0 {
            text += &format!("\x1b[{}A", self.drawn);
        }
        for line in lines {
            text += &format!("\r{line}\x1b[K\n");
        }
        text += "\x1b[J";
        self.drawn = lines.len();
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Gives the terminal back as it was.
    pub(super) fn restore() {
        let mut out = io::stdout().lock();
        drop(out.write_all(END.as_bytes()).and_then(|()| out.flush()));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        Self::restore();
    }
}

/// Returns the terminal's height in lines.
pub(super) fn height() -> usize {
    let rows = tcgetwinsize(io::stdout()).map_or(0, |size| size.ws_row);
    // Some terminals, serial ones among them, say 0.
    if rows > 0 { rows.into() } else { 24 }
}

/// Marks text with a colour, or does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    pub(super) fn bold(self, text: &str) -> String {
        self.mark("1", text)
    }

    pub(super) fn bars(self, text: &str) -> String {
        self.mark("36", text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.mark("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.mark("31", text)
    }

    fn mark(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
