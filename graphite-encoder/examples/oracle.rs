//! The other side of `tests/oracle.py`: encodes and decodes what stands on its input, a line each,
//! so that a program in another language can compare millions of names.
//!
//! A line is `scheme<TAB>encode|decode<TAB>text`, the text as the hexadecimal digits of its UTF-8;
//! the answer is `ok<TAB>text` or `err<TAB>message`. Input that is not of this form ends the
//! program with an error.

use std::io::{self, BufRead, BufReader, BufWriter, Write};

use graphite_encoder::Scheme;

fn main() -> io::Result<()> {
    let mut questions = BufReader::new(io::stdin().lock());
    let mut answers = BufWriter::new(io::stdout().lock());
    let mut line = String::new();
    while questions.read_line(&mut line)? > 0 {
        let answer = answer(line.trim_end_matches('\n')).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("bad line: {line}"))
        })?;
        match answer {
            Ok(text) => {
                answers.write_all(b"ok\t")?;
                for byte in text.bytes() {
                    write!(answers, "{byte:02x}")?;
                }
            }
            Err(message) => write!(answers, "err\t{message}")?,
        }
        answers.write_all(b"\n")?;
        line.clear();
        // The other side waits for its answers before it asks on.
        if questions.buffer().is_empty() {
            answers.flush()?;
        }
    }
    Ok(())
}

/// What the crate says to a line, `None` when the line is not of the form above.
fn answer(line: &str) -> Option<Result<String, String>> {
    let mut fields = line.split('\t');
    let scheme = match fields.next()? {
        "idna" => Scheme::Idna,
        "punycode" => Scheme::Punycode,
        "percent" => Scheme::Percent,
        "portable" => Scheme::Portable,
        _ => return None,
    };
    let direction = fields.next()?;
    let text = String::from_utf8(from_hex(fields.next()?)?).ok()?;
    match direction {
        "encode" => Some(scheme.encode(&text).map(String::from).map_err(|e| e.to_string())),
        "decode" => Some(scheme.decode(&text).map(String::from).map_err(|e| e.to_string())),
        _ => None,
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    if digits.len() % 2 == 1 {
        return None;
    }
    let starts = (0..digits.len()).step_by(2);
    starts.map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}
