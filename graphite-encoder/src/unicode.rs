//! The Unicode that CPython 3.11 prepares names with: 3.2 in some places, 14 in others.
//!
//! The tables themselves come from the crates `stringprep` (RFC 3454) and
//! `unicode-normalization`, which is newer than both versions; here are only the places where
//! the three differ. They were found by comparing every code point, and `tests/oracle.py` does
//! so again. Not the algorithm, which is in `nameprep.rs`.
//!
//! Python decomposes and looks up directions as of 3.2, with code points unassigned there left
//! alone, but lower-cases, orders and composes as of 14. What was assigned later is in neither.

use stringprep::tables;
use unicode_normalization::char as normal;

/// Maps to lower case for NFKC, as Python's `stringprep.map_table_b2`: table B.2 of RFC 3454, and
/// for letters that got their lower case later, that one.
pub(crate) fn fold(c: char, mut emit: impl FnMut(char)) {
    if in_ranges(CASED_SINCE_3_2, c) {
        c.to_lowercase().flat_map(tables::case_fold_for_nfkc).for_each(emit);
    } else {
        tables::case_fold_for_nfkc(c).for_each(&mut emit);
    }
}

/// Decomposes for NFKC, as of Unicode 3.2.
pub(crate) fn decompose(c: char, mut emit: impl FnMut(char)) {
    match c {
        // The ideographs whose decomposition Unicode 4.0 corrected.
        '\u{2F868}' => emit('\u{2136A}'),
        '\u{2F874}' => emit('\u{5F33}'),
        '\u{2F91F}' => emit('\u{43AB}'),
        '\u{2F95F}' => emit('\u{7AAE}'),
        '\u{2F9BF}' => emit('\u{4D57}'),
        _ if tables::unassigned_code_point(c) => emit(c),
        _ => normal::decompose_compatible(c, emit),
    }
}

/// The canonical combining class as of Unicode 14.
pub(crate) fn combining_class(c: char) -> u8 {
    match normal::canonical_combining_class(c) {
        0 => 0,
        _ if tables::unassigned_code_point(c) && !in_ranges(NON_STARTERS_SINCE_3_2, c) => 0,
        class => class,
    }
}

/// The character that two make together as of Unicode 14.
pub(crate) fn compose(a: char, b: char) -> Option<char> {
    normal::compose(a, b).filter(|&c| {
        !tables::unassigned_code_point(c)
            || matches!(
                c,
                '\u{1B06}'..='\u{1B43}'
                    | '\u{1109A}'..='\u{110AB}'
                    | '\u{1112E}'..='\u{1112F}'
                    | '\u{1134B}'..='\u{1134C}'
                    | '\u{114BB}'..='\u{114BE}'
                    | '\u{115BA}'..='\u{115BB}'
                    | '\u{11938}'
            )
    })
}

/// The table of RFC 3454 by which nameprep prohibits a character.
pub(crate) fn prohibited(c: char) -> Option<&'static str> {
    type Table = (fn(char) -> bool, &'static str);
    const TABLES: [Table; 8] = [
        (tables::non_ascii_space_character, "C.1.2"),
        (tables::non_ascii_control_character, "C.2.2"),
        (tables::private_use, "C.3"),
        (tables::non_character_code_point, "C.4"),
        (tables::inappropriate_for_plain_text, "C.6"),
        (tables::inappropriate_for_canonical_representation, "C.7"),
        (tables::change_display_properties_or_deprecated, "C.8"),
        (tables::tagging_character, "C.9"),
    ];
    // Nothing below U+0080 is in any of them.
    if c.is_ascii() {
        return None;
    }
    TABLES.iter().find(|(contains, _)| contains(c)).map(|&(_, name)| name)
}

/// Whether a character runs from right to left (table D.1).
pub(crate) fn is_right_to_left(c: char) -> bool {
    tables::bidi_r_or_al(c) && !tables::unassigned_code_point(c)
}

/// Whether a character runs from left to right (table D.2).
pub(crate) fn is_left_to_right(c: char) -> bool {
    match c {
        // Directions that changed after 3.2, but for characters that never come this far.
        '\u{17B4}'..='\u{17B5}' | '\u{1885}'..='\u{1886}' => true,
        '\u{0CBF}' | '\u{0CC6}' | '\u{1734}' | '\u{302E}'..='\u{302F}' => false,
        '\u{2800}'..='\u{28FF}' => false,
        _ => tables::bidi_l(c) && !tables::unassigned_code_point(c),
    }
}

fn in_ranges(ranges: &[(u32, u32)], c: char) -> bool {
    let c = u32::from(c);
    let after = ranges.partition_point(|&(first, _)| first <= c);
    after > 0 && c <= ranges[after - 1].1
}

/// Ranges that hold every letter with a lower case in Unicode 14 but not in table B.2, and nothing
/// that was assigned after 14.
#[rustfmt::skip]
const CASED_SINCE_3_2: &[(u32, u32)] = &[
    (0x023A, 0x024E), (0x0370, 0x0376), (0x037F, 0x037F), (0x03CF, 0x03FF),
    (0x04C0, 0x052E), (0x10A0, 0x10C5), (0x10C7, 0x10C7), (0x10CD, 0x10CD),
    (0x13A0, 0x13F5), (0x1C90, 0x1CBA), (0x1CBD, 0x1CBF), (0x1E9E, 0x1E9E),
    (0x1EFA, 0x1EFE), (0x2132, 0x2132), (0x2183, 0x2183), (0x2C00, 0x2CF2),
    (0xA640, 0xA69A), (0xA722, 0xA7C9), (0xA7D0, 0xA7D0), (0xA7D6, 0xA7D8),
    (0xA7F5, 0xA7F5), (0x10426, 0x10427), (0x104B0, 0x104D3), (0x10570, 0x1057A),
    (0x1057C, 0x1058A), (0x1058C, 0x10592), (0x10594, 0x10595), (0x10C80, 0x10CB2),
    (0x118A0, 0x118BF), (0x16E40, 0x16E5F), (0x1E900, 0x1E921),
];

/// Ranges that hold every character of Unicode 14 that 3.2 does not have and whose combining
/// class is not 0, and nothing that was assigned after 14.
#[rustfmt::skip]
const NON_STARTERS_SINCE_3_2: &[(u32, u32)] = &[
    (0x0350, 0x035F), (0x0487, 0x0487), (0x05A2, 0x05C7), (0x0610, 0x065F),
    (0x07EB, 0x07F3), (0x07FD, 0x082D), (0x0859, 0x085B), (0x0898, 0x08FF),
    (0x09FE, 0x09FE), (0x0C3C, 0x0C3C), (0x0CBC, 0x0CBC), (0x0D3B, 0x0D3C),
    (0x0EBA, 0x0EBA), (0x103A, 0x108D), (0x135D, 0x135F), (0x1715, 0x1715),
    (0x17DD, 0x17DD), (0x1939, 0x193B), (0x1A17, 0x1A18), (0x1A60, 0x1A7C),
    (0x1A7F, 0x1A7F), (0x1AB0, 0x1ACE), (0x1B34, 0x1B44), (0x1B6B, 0x1B73),
    (0x1BAA, 0x1BF3), (0x1C37, 0x1C37), (0x1CD0, 0x1CF9), (0x1DC0, 0x1DFF),
    (0x20EB, 0x20F0), (0x2CEF, 0x2CF1), (0x2D7F, 0x2D7F), (0x2DE0, 0x2DFF),
    (0xA66F, 0xA6F1), (0xA806, 0xA82C), (0xA8C4, 0xA8C4), (0xA8E0, 0xA953),
    (0xA9B3, 0xA9C0), (0xAAB0, 0xAAC1), (0xAAF6, 0xAAF6), (0xABED, 0xABED),
    (0xFE24, 0xFE2F), (0x101FD, 0x101FD), (0x102E0, 0x102E0), (0x10376, 0x1037A),
    (0x10A0D, 0x10A0F), (0x10A38, 0x10A3A), (0x10A3F, 0x10A3F), (0x10AE5, 0x10AE6),
    (0x10D24, 0x10D27), (0x10EAB, 0x10EAC), (0x10F46, 0x10F50), (0x10F82, 0x10F85),
    (0x11046, 0x11046), (0x11070, 0x11070), (0x1107F, 0x110BA), (0x11100, 0x11134),
    (0x11173, 0x11173), (0x111C0, 0x111CA), (0x11235, 0x11236), (0x112E9, 0x112EA),
    (0x1133B, 0x1133C), (0x1134D, 0x1134D), (0x11366, 0x1136C), (0x11370, 0x11374),
    (0x11442, 0x11446), (0x1145E, 0x1145E), (0x114C2, 0x114C3), (0x115BF, 0x115C0),
    (0x1163F, 0x1163F), (0x116B6, 0x116B7), (0x1172B, 0x1172B), (0x11839, 0x1183A),
    (0x1193D, 0x11943), (0x119E0, 0x119E0), (0x11A34, 0x11A47), (0x11A99, 0x11A99),
    (0x11C3F, 0x11C3F), (0x11D42, 0x11D45), (0x11D97, 0x11D97), (0x16AF0, 0x16AF4),
    (0x16B30, 0x16B36), (0x16FF0, 0x16FF1), (0x1BC9E, 0x1BC9E), (0x1D242, 0x1D244),
    (0x1E000, 0x1E006), (0x1E008, 0x1E018), (0x1E01B, 0x1E021), (0x1E023, 0x1E024),
    (0x1E026, 0x1E02A), (0x1E130, 0x1E136), (0x1E2AE, 0x1E2AE), (0x1E2EC, 0x1E2EF),
    (0x1E8D0, 0x1E8D6), (0x1E944, 0x1E94A),
];
