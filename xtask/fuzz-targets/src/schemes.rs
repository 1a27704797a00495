//! Any text goes through a scheme and comes back, as far as the scheme says so; and what is decoded
//! is encoded to what it was, or to what means the same.

use graphite_encoder::{EncodeError, Scheme};

/// Python's `idna` codec: what comes back is another form, and that one stays. Not so where a label
/// held an ideographic full stop, as Python lets it: the name that comes back has two labels there.
/// Plain labels are taken as they are.
pub fn scheme_idna(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if text.split('.').all(is_plain_label) {
        let quoted = text.replace('.', "%2E");
        assert_eq!(Scheme::Idna.encode(&text).as_deref(), Ok(&*quoted));
        assert_eq!(Scheme::Idna.decode(&quoted).as_deref(), Ok(&*text));
    }
    if let Ok(encoded) = encoded(Scheme::Idna, &text)
        && let Ok(name) = Scheme::Idna.decode(&encoded)
        && !name.contains('\u{3002}')
        && let Ok(again) = Scheme::Idna.encode(&name)
    {
        assert!(encoded.eq_ignore_ascii_case(&again), "{text:?}: {encoded:?}, then {again:?}");
    }
    if let Ok(name) = Scheme::Idna.decode(&text)
        && !name.contains('\u{3002}')
        && let Ok(encoded) = Scheme::Idna.encode(&name)
        && let Ok(again) = Scheme::Idna.decode(&encoded)
    {
        let twice = Scheme::Idna.encode(&again);
        assert!(twice.is_ok_and(|twice| twice.eq_ignore_ascii_case(&encoded)), "{name:?}");
    }
}

fn is_plain_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&label.len()) && label.bytes().all(plain)
}

/// Python's `punycode` codec: takes everything and gives it back.
pub fn scheme_punycode(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    comes_back(Scheme::Punycode, &text);
    // Several texts are read as the same name, one of them is written.
    if let Ok(name) = Scheme::Punycode.decode(&text) {
        comes_back(Scheme::Punycode, &name);
    }
}

/// `%XX`, both ways exactly.
pub fn scheme_percent(bytes: &[u8]) {
    exact(Scheme::Percent, bytes);
}

/// `_XX`, both ways exactly.
pub fn scheme_portable(bytes: &[u8]) {
    exact(Scheme::Portable, bytes);
}

fn exact(scheme: Scheme, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    comes_back(scheme, &text);
    if let Ok(name) = scheme.decode(&text) {
        assert_eq!(scheme.encode(&name).as_deref(), Ok(&*text), "{name:?}");
    }
}

fn comes_back(scheme: Scheme, text: &str) {
    match encoded(scheme, text) {
        Ok(encoded) => assert_eq!(scheme.decode(&encoded).as_deref(), Ok(text), "{encoded:?}"),
        Err(error) => {
            let too_long = matches!(error, EncodeError::TooLong { length: 252.., .. });
            assert!(scheme != Scheme::Punycode && too_long, "{text:?}: {error}");
        }
    }
}

/// Encodes a text and looks whether the result holds only what the scheme allows.
fn encoded(scheme: Scheme, text: &str) -> Result<String, EncodeError> {
    let encoded = scheme.encode(text);
    let path = scheme.join([text]);
    assert_eq!(path.as_deref(), encoded.as_deref(), "a join of one is an encoding");
    match &encoded {
        Ok(encoded) => {
            let python = matches!(scheme, Scheme::Idna | Scheme::Punycode);
            let allowed = |b: u8| match b {
                b'_' | b'-' => true,
                b'%' => scheme != Scheme::Portable,
                b'/' | b'~' => python,
                _ => b.is_ascii_alphanumeric(),
            };
            assert!(encoded.bytes().all(allowed), "{text:?}: {encoded:?}");
            assert!(python || (1..=251).contains(&encoded.len()), "{text:?}: {encoded:?}");
        }
        Err(error) => {
            let offset = error.offset().unwrap_or(0);
            assert!(text.is_char_boundary(offset), "{error}");
            assert!(error.character().is_none_or(|c| text[offset..].starts_with(c)), "{error}");
        }
    }
    encoded.map(String::from)
}
