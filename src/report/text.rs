//! Numbers and names as a reader likes them.

use crate::map::text::one_line;
pub(super) use crate::map::text::thousands;

/// Characters of a name that are shown; a name may be 10 kB long.
const LONGEST: usize = 80;

/// A name on one line, and short.
pub(super) fn short(name: &str) -> String {
    shortened(name, LONGEST)
}

pub(super) fn shortened(text: &str, longest: usize) -> String {
    // Long before the cut, so that cleaning 10 kB costs nothing.
    let head: String = text.chars().take(4 * longest).collect();
    let clean = one_line(&head);
    if clean.chars().count() <= longest {
        return clean;
    }
    let kept: String = clean.chars().take(longest - 1).collect();
    format!("{}…", kept.trim_end())
}

/// A heading.
pub(super) fn capital(text: &str) -> String {
    let text = short(text);
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Three digits or more: `1,235`, `12.3`, `0.0036`.
pub(super) fn number(value: f64) -> String {
    digits(value, 3)
}

/// So many digits, without an exponent where one can do without.
pub(super) fn digits(value: f64, digits: i32) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { value.to_string() };
    }
    if !(1e-6..1e15).contains(&size) {
        return format!("{value:.2e}");
    }
    let places = (digits - 1 - size.log10().floor() as i32).max(0) as usize;
    // Halves of whole numbers go up, as people round.
    let text = if places == 0 { format!("{}", value.round()) } else { format!("{value:.places$}") };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    match text.parse::<f64>() {
        Ok(whole) if size >= 1000.0 && whole.fract() == 0.0 => {
            format!("{}{}", if value < 0.0 { "−" } else { "" }, thousands(whole.abs() as u64))
        }
        _ => text.replace('-', "−"),
    }
}

/// Square kilometres with two decimals where they are few, fewer where they are many, and two digits of the smallest.
pub(super) fn area(km2: f64) -> String {
    match km2 {
        v if v >= 100.0 => thousands(v.round() as u64),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 0.1 || v == 0.0 => format!("{v:.2}"),
        v => digits(v, 2),
    }
}

/// A part of a whole in per cent; never nought for something.
pub(super) fn percent(part: u64, whole: u64) -> String {
    match 100.0 * part as f64 / whole.max(1) as f64 {
        v if v > 0.0 && v < 0.05 => "<0.1".into(),
        v => format!("{v:.1}"),
    }
}

/// `0.4 s`, `12 s`, `3 min 20 s`.
pub(super) fn seconds(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2} s"),
        v if v < 120.0 => format!("{v:.0} s"),
        v => format!("{} min {:.0} s", (v / 60.0).floor(), v % 60.0),
    }
}

/// `1.2 GB`.
pub(super) fn bytes(value: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let mut size = value as f64;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < units.len() {
        (size, unit) = (size / 1000.0, unit + 1);
    }
    format!("{} {}", number(size), units[unit])
}

/// `8 minerals`, `1 mineral`.
pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_leading_digits() {
        let cases =
            [(0.0, "0"), (1234.5, "1,235"), (12.345, "12.3"), (0.0036, "0.0036"), (-0.25, "−0.25"), (3e-9, "3.00e-9")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(digits(999.96, 3), "1000");
        assert_eq!([1234.5, 35.0, 2.1, 0.0036].map(area), ["1,235", "35.0", "2.10", "0.0036"]);
        assert_eq!((percent(1, 100_000), percent(1, 8)), ("<0.1".into(), "12.5".into()));
        assert_eq!(
            (seconds(0.123), seconds(200.0), bytes(2_500_000)),
            ("0.12 s".into(), "3 min 20 s".into(), "2.5 MB".into())
        );
    }

    #[test]
    fn names_are_one_short_line() {
        assert_eq!(short("Kaolinite\nKGa-1"), "Kaolinite KGa-1");
        let long = short(&"k".repeat(10_240));
        assert!(long.chars().count() == 80 && long.ends_with('…'), "{long}");
    }
}
