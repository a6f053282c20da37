//! The rules of a zoning, as a file has them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::methods;

/// Rules that are used when none are given.
const DEFAULT: &str = include_str!("default.toml");

/// Species are a bit each.
const MOST_SPECIES: usize = 128;

/// Zones are a byte, and two values have other meanings.
const MOST_ZONES: usize = 254;

/// Zones in the order in which they are asked, and the words for minerals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The zones.
    #[serde(rename = "zone")]
    pub zones: Vec<Zone>,
    /// The species, by name.
    pub minerals: BTreeMap<String, Species>,
}

/// A zone and the minerals that it is known by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// What it means, and who says so.
    #[serde(default)]
    pub about: String,
    /// Its colour, `#rrggbb`.
    pub color: Color,
    /// What it is worth when target areas are ranked, 0 to 1.
    #[serde(default = "one")]
    pub weight: f64,
    /// Species of which one must be the pixel's class.
    pub any: Vec<String>,
    /// Species that must all be there, as class or runner-up.
    #[serde(default)]
    pub with: Vec<String>,
    /// Species that must not be there, as class or runner-up.
    #[serde(default)]
    pub not: Vec<String>,
}

/// A mineral species.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Species {
    /// Words by which libraries call it.
    pub words: Vec<String>,
    /// The method that it is looked for with; the run's first unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The worst score at which it is there, in the method's unit; the run's own unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// Red, green and blue, sRGB; written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color(pub [u8; 3]);

impl TryFrom<String> for Color {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        let [_, r, g, b] = number.ok_or_else(|| format!("'{text}' is no colour, expected #rrggbb"))?.to_be_bytes();
        Ok(Self([r, g, b]))
    }
}

impl From<Color> for String {
    fn from(Color([r, g, b]): Color) -> Self {
        format!("#{r:02x}{g:02x}{b:02x}")
    }
}

fn one() -> f64 {
    1.0
}

impl Rules {
    /// The rules that are used when none are given.
    ///
    /// # Errors
    /// Never: a test reads them.
    pub fn shipped() -> Result<Self> {
        Self::parse(DEFAULT, "default zones")
    }

    /// The text of [`Self::shipped`], to begin one's own with.
    #[must_use]
    pub fn shipped_text() -> &'static str {
        DEFAULT
    }

    /// Reads a file of rules.
    ///
    /// # Errors
    /// Refuses a file that is not TOML, has fields that no rule has, or names species, methods, thresholds or weights that
    /// cannot be.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::refused(path.display(), format!("cannot read the zones: {e}")))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// As [`Self::read`], of a text; `place` is where it came from.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let rules: Self = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(String::new(), |span| {
                format!(", line {}", text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1))
            });
            Error::refused(format!("{place}{line}"), e.message()).hint("`alunite zones` prints rules to begin with")
        })?;
        rules.check(place)?;
        Ok(rules)
    }

    fn check(&self, place: &str) -> Result<()> {
        let refuse =
            |field: String, what: String, next: &str| Err(Error::refused(format!("{place}, {field}"), what).hint(next));
        for (kind, count, most) in
            [("zone", self.zones.len(), MOST_ZONES), ("minerals", self.minerals.len(), MOST_SPECIES)]
        {
            if !(1..=most).contains(&count) {
                return refuse(kind.into(), format!("{count} are given, expected 1 to {most}"), "correct the file");
            }
        }
        for (i, zone) in self.zones.iter().enumerate() {
            let field = |name: &str| format!("zone '{}', {name}", zone.name);
            if zone.name.trim().is_empty() || self.zones[..i].iter().any(|z| z.name == zone.name) {
                return refuse(field("name"), "is empty or stands twice".into(), "give each zone a name of its own");
            }
            if !(0.0..=1.0).contains(&zone.weight) {
                return refuse(field("weight"), format!("found {}, expected 0 to 1", zone.weight), "correct the file");
            }
            if zone.any.is_empty() {
                return refuse(field("any"), "names no mineral".into(), "name the minerals that the zone is known by");
            }
            for (list, names) in [("any", &zone.any), ("with", &zone.with), ("not", &zone.not)] {
                if let Some(stranger) = names.iter().find(|n| !self.minerals.contains_key(*n)) {
                    let near = self
                        .minerals
                        .keys()
                        .max_by(|a, b| strsim::jaro_winkler(a, stranger).total_cmp(&strsim::jaro_winkler(b, stranger)));
                    let what = format!("'{stranger}' is not among the minerals");
                    let next = near.map_or(String::new(), |n| format!("the nearest is '{n}'; or add it to [minerals]"));
                    return refuse(field(list), what, &next);
                }
            }
        }
        let mut words: BTreeMap<String, &String> = BTreeMap::new();
        for (name, species) in &self.minerals {
            let field = |part: &str| format!("mineral '{name}', {part}");
            for word in &species.words {
                let word = word.trim().to_lowercase();
                let other = words.insert(word.clone(), name);
                if word.is_empty() || other.is_some() {
                    let other = other.map_or("is empty".into(), |o| format!("'{word}' is also a word for '{o}'"));
                    return refuse(field("words"), other, "give each word to one mineral");
                }
            }
            let method = match &species.method {
                Some(word) => match methods::find(word).filter(|m| m.has_targets()) {
                    Some(method) => Some(method),
                    None => {
                        let what = format!("found '{word}', expected a method with targets");
                        return refuse(field("method"), what, "`alunite explain` lists them");
                    }
                },
                None => None,
            };
            match (species.threshold, method) {
                (Some(threshold), Some(method)) if !method.threshold_range().contains(&threshold) => {
                    let range = method.threshold_range();
                    let what = format!("found {threshold}, expected {} to {}", range.start(), range.end());
                    return refuse(field("threshold"), what, "give it in the method's unit");
                }
                (Some(_), None) => {
                    let next = "say which method's scores it is for: method = \"sam\"";
                    return refuse(field("threshold"), "is given without a method".into(), next);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_rules_are_sound_and_every_mineral_has_one_zone() {
        let rules = Rules::shipped().unwrap();
        for name in rules.minerals.keys() {
            let zones = rules.zones.iter().filter(|z| z.any.contains(name)).count();
            assert_eq!(zones, 1, "{name}");
        }
        let again = toml::to_string(&rules).unwrap();
        assert_eq!(Rules::parse(&again, "again").unwrap(), rules);
    }

    #[test]
    fn rules_that_make_no_sense_are_refused_by_field() {
        let sound = "[[zone]]\nname = \"A\"\ncolor = \"#010203\"\nany = [\"x\"]\n[minerals]\nx = { words = [\"x\"] }\n";
        assert!(Rules::parse(sound, "z.toml").is_ok());
        for (from, to, words) in [
            ("#010203", "red", "z.toml, line 3: 'red' is no colour"),
            ("any = [\"x\"]", "any = []", "zone 'A', any: names no mineral"),
            ("any = [\"x\"]", "any = [\"xx\"]", "zone 'A', any: 'xx' is not among the minerals"),
            ("any = [\"x\"]", "any = [\"x\"]\nnever = 1", "unknown field `never`"),
            ("any = [\"x\"]", "any = [\"x\"]\nweight = 2", "weight: found 2, expected 0 to 1"),
            ("name = \"A\"", "name = \" \"", "name: is empty"),
            ("words = [\"x\"]", "words = [\"x\", \"X\"]", "'x' is also a word for 'x'"),
            ("words = [\"x\"]", "words = [\"x\"], method = \"rx\"", "method: found 'rx'"),
            ("words = [\"x\"]", "words = [\"x\"], threshold = 0.1", "threshold: is given without a method"),
            ("words = [\"x\"]", "words = [\"x\"], method = \"sam\", threshold = 9.0", "found 9, expected 0 to 3.14"),
            ("[minerals]\nx = { words = [\"x\"] }", "[minerals]", "minerals: 0 are given"),
            ("[[zone]]", "[[zone", "z.toml, line 1"),
        ] {
            let text = sound.replace(from, to);
            let error = Rules::parse(&text, "z.toml").unwrap_err();
            assert!(error.to_string().contains(words) && error.next_step().is_some(), "{to}: {error}");
        }
    }
}
