//! Names from anywhere, made safe for C strings, XML and one line of a legend; and long numbers as people read them.

/// The name on one line without control characters, line breaks and direction overrides; idempotent.
///
/// C strings end at NUL, XML 1.0 cannot hold control characters at all, and GDAL's XML parser drops outer spaces.
pub(crate) fn one_line(name: &str) -> String {
    let cleaned: String = name.chars().map(|c| if breaks_lines(c) { ' ' } else { legal(c) }).collect();
    cleaned.trim().to_owned()
}

/// Text that may have several lines, without the characters that XML and C strings cannot hold.
pub(super) fn several_lines(text: &str) -> String {
    text.chars().map(|c| if c == '\n' || c == '\t' { c } else { legal(if c.is_control() { ' ' } else { c }) }).collect()
}

fn breaks_lines(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn legal(c: char) -> char {
    if matches!(c, '\u{FFFE}' | '\u{FFFF}') { char::REPLACEMENT_CHARACTER } else { c }
}

/// `17,345,678`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_characters_become_spaces_and_the_rest_stays() {
        assert_eq!(one_line(" a\0b\nc\u{202E}d\u{FFFF} "), "a b c d\u{FFFD}");
        assert_eq!(one_line("<Kaolinité \"KGa-1\"> 🪨"), "<Kaolinité \"KGa-1\"> 🪨");
        assert_eq!(several_lines("a\nb\0c"), "a\nb c");
    }
}
