//! What the values of a class map mean, and in what colours they are drawn.

use std::collections::{HashMap, HashSet};

use super::color::{self, Rgb};
use super::text;
use crate::error::{Error, Result};

/// The colour of pixels that no target claimed.
pub const UNCLASSIFIED: [u8; 3] = [0xE2, 0xE2, 0xE2];
/// The colour of pixels without data.
pub const NO_DATA: [u8; 3] = [0xFF, 0xFF, 0xFF];

/// One class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegendEntry {
    /// The value in the raster.
    pub value: u16,
    /// The name, on one line.
    pub name: String,
    /// Red, green and blue, sRGB.
    pub color: [u8; 3],
}

/// The classes of a map: of minerals, entry 0 is "unclassified" and entry i the i-th target; of scenes, entry i is the i-th.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Legend {
    /// The entries; the index of an entry is its value.
    pub entries: Vec<LegendEntry>,
    /// Whether entry 0 is what no target claimed, and is not drawn.
    pub has_unclassified: bool,
    /// The value of pixels without data: 255, or 65535 where there are more than 254 targets.
    pub nodata: u16,
}

/// How class values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassType {
    /// One byte; no data is 255.
    U8,
    /// Two bytes; no data is 65535.
    U16,
}

impl ClassType {
    /// Of so many targets or scenes.
    #[must_use]
    pub fn of(names: usize) -> Self {
        if names <= 254 { Self::U8 } else { Self::U16 }
    }

    /// Bytes of a value.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
        }
    }

    fn nodata(self) -> u16 {
        match self {
            Self::U8 => u8::MAX.into(),
            Self::U16 => u16::MAX,
        }
    }
}

impl Legend {
    /// Most targets that a class map can hold.
    pub const MAX_TARGETS: usize = 65_534;

    /// The legend of a map with these targets, in this order.
    ///
    /// The same name always gets the same colour family, whatever else is in the list, and no two entries share a colour.
    pub fn new(names: &[String]) -> Result<Self> {
        if names.len() > Self::MAX_TARGETS {
            return Err(Error::refused("targets", format!("{} are more than a class map can hold", names.len()))
                .hint(format!("select at most {}", Self::MAX_TARGETS)));
        }
        let mut palette = Palette::default();
        let mut entries = vec![LegendEntry { value: 0, name: "unclassified".into(), color: UNCLASSIFIED }];
        for (value, name) in (1_u16..).zip(names) {
            let name = cleaned(name, "target", value);
            entries.push(LegendEntry { value, color: palette.pick(&name), name });
        }
        Ok(Self { entries, has_unclassified: true, nodata: ClassType::of(names.len()).nodata() })
    }

    /// The legend of a raster that says which of these scenes each pixel came from.
    ///
    /// # Errors
    /// As [`Legend::new`], of too many.
    pub fn of_scenes(names: &[String]) -> Result<Self> {
        if names.len() > Self::MAX_TARGETS {
            return Err(Error::refused("scenes", format!("{} are more than a raster can tell apart", names.len()))
                .hint(format!("name at most {}", Self::MAX_TARGETS)));
        }
        let entry = |(value, name): (u16, &String)| {
            let name = cleaned(name, "scene", value);
            LegendEntry { value, color: color::of_scene(value), name }
        };
        Ok(Self {
            entries: (0..).zip(names).map(entry).collect(),
            has_unclassified: false,
            nodata: ClassType::of(names.len()).nodata(),
        })
    }

    /// The legend of a map of alteration zones, in colours that their rules give.
    ///
    /// # Errors
    /// As [`Legend::new`], of too many.
    pub fn of_zones(zones: &[(String, [u8; 3])]) -> Result<Self> {
        let names: Vec<String> = zones.iter().map(|(name, _)| name.clone()).collect();
        let mut legend = Self::new(&names)?;
        legend.entries.iter_mut().skip(1).zip(zones).for_each(|(entry, (_, color))| entry.color = *color);
        Ok(legend)
    }

    /// How much a value hides of what lies below it: 0 or 255.
    pub(super) fn alpha(&self, value: u16) -> u8 {
        if self.has_unclassified && value == 0 { 0 } else { 255 }
    }

    /// How the values are stored.
    #[must_use]
    pub fn class_type(&self) -> ClassType {
        if self.nodata == ClassType::U8.nodata() { ClassType::U8 } else { ClassType::U16 }
    }

    /// The entry of a value; `None` for no data and for values that are no class.
    #[must_use]
    pub fn entry(&self, value: u16) -> Option<&LegendEntry> {
        self.entries.get(usize::from(value))
    }
}

/// The name on one line; the kind and the value where nothing is left of it.
fn cleaned(name: &str, kind: &str, value: u16) -> String {
    Some(text::one_line(name)).filter(|name| !name.is_empty()).unwrap_or_else(|| format!("{kind} {value}"))
}

/// Colours given so far.
struct Palette {
    taken: HashSet<Rgb>,
    spectra_of: HashMap<usize, usize>,
}

impl Default for Palette {
    fn default() -> Self {
        Self { taken: HashSet::from([UNCLASSIFIED, NO_DATA]), spectra_of: HashMap::new() }
    }
}

impl Palette {
    fn pick(&mut self, name: &str) -> Rgb {
        if let Some((mineral, base)) = color::known(name) {
            let nth = self.spectra_of.entry(mineral).or_default();
            let mut wanted = color::of_mineral(base, *nth);
            *nth += 1;
            // Many spectra of one mineral run out of steps that can be seen; the last ones still differ in value.
            for _ in 0..64 {
                if self.taken.insert(wanted) {
                    return wanted;
                }
                wanted = color::of_mineral(base, *nth);
                *nth += 1;
            }
        }
        let mut attempt = 0;
        loop {
            let wanted = if attempt < 4096 { color::of_unknown(name, attempt) } else { spread(attempt) };
            if self.taken.insert(wanted) {
                return wanted;
            }
            attempt += 1;
        }
    }
}

/// Walks through all 2²⁴ colours (an odd step meets each once), so that the search above always ends.
fn spread(attempt: u64) -> Rgb {
    let [_, r, g, b] = ((attempt.wrapping_mul(0x9E_3779) & 0xFF_FFFF) as u32).to_be_bytes();
    [r, g, b]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legend(names: &[&str]) -> Legend {
        Legend::new(&names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_mineral_keeps_its_colour_in_any_company() {
        let one = legend(&["Alunite GDS84", "Quartz"]);
        let other = legend(&["Sample 4", "Kaolinite", "quartz_2", "alunite (Cuprite)"]);
        assert_eq!(one.entries[1].color, other.entries[4].color);
        assert_eq!(one.entries[2].color, other.entries[3].color);
    }

    #[test]
    fn all_colours_differ_however_many_there_are() {
        let mut names: Vec<String> = (0..3000).map(|i| format!("Alunite {i}")).collect();
        names.extend((0..4000).map(|i| format!("spectrum {i}")));
        names.extend((0..50).map(|_| "same".to_owned()));
        let legend = Legend::new(&names).unwrap();
        let colours: HashSet<_> = legend.entries.iter().map(|e| e.color).collect();
        assert_eq!(colours.len(), names.len() + 1);
        assert_eq!(legend, Legend::new(&names).unwrap());
    }

    #[test]
    fn the_number_of_targets_decides_the_type() {
        let of = |n: usize| Legend::new(&vec!["x".to_owned(); n]);
        assert_eq!((of(254).unwrap().class_type(), of(254).unwrap().nodata), (ClassType::U8, 255));
        assert_eq!((of(255).unwrap().class_type(), of(255).unwrap().nodata), (ClassType::U16, 65535));
        assert!(of(65_535).is_err());
        assert_eq!(of(0).unwrap().entries.len(), 1);
    }

    #[test]
    fn scenes_count_from_0_and_all_are_drawn() {
        let of = |n: usize| Legend::of_scenes(&vec!["x".to_owned(); n]);
        let two = of(2).unwrap();
        assert_eq!(two.entries.iter().map(|e| e.value).collect::<Vec<_>>(), [0, 1]);
        let colors: HashSet<_> = of(60).unwrap().entries.iter().map(|e| e.color).collect();
        assert_eq!(colors.len(), 60);
        assert_eq!((two.nodata, two.alpha(0), legend(&["x"]).alpha(0)), (255, 255, 0));
        assert_eq!((of(254).unwrap().nodata, of(255).unwrap().nodata), (255, 65535));
        assert!(of(65_535).is_err());
    }

    #[test]
    fn names_become_one_line_and_are_never_empty() {
        let legend = legend(&["a\nb\0c", "\0\n", "<script>"]);
        let names: Vec<_> = legend.entries.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["unclassified", "a b c", "target 2", "<script>"]);
    }
}
