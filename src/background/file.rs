//! Statistics in a file: of a scene, of a shard of it, or of several scenes.
//!
//! `ALUNSTAT`, version (u32), length of the description (u64), the description (JSON), the sums (f64), and BLAKE3 of all
//! that stands before it; numbers are little-endian.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Background;
use super::moments::{Moments, Tree, packed};
use super::units::{Place, Units};
use crate::error::{Error, Result};
use crate::files::whole_file;
use crate::spectrum::Bands;

const MAGIC: &[u8; 8] = b"ALUNSTAT";
const VERSION: u32 = 2;
const HASH: usize = 32;

/// No raster has more lines or samples, and no sum more pixels: f64 counts that far.
const MOST_LINES: usize = 1 << 31;
const MOST_PIXELS: u64 = 1 << 53;

/// What the sums are of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The scenes.
    pub scenes: Vec<PathBuf>,
    /// The cut into units; of several scenes, one unit.
    pub units: Units,
    /// Bands of the scene, as indices from 0.
    pub bands: Vec<usize>,
    /// Their centres and widths, when the scene has them.
    pub band_facts: Option<Bands>,
    /// Which pixels count, in words.
    pub background: String,
    /// Hash of all that fixes the sums; shards are merged only when they have the same.
    pub identity: String,
}

impl Origin {
    pub(super) fn in_use(&self) -> (&[usize], Option<&Bands>) {
        (&self.bands, self.band_facts.as_ref())
    }
}

/// Sums of a scene's pixels, or of some of its units.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// What they are of.
    pub origin: Origin,
    /// The spectrum that differences are taken from, in reflectance.
    pub about: Vec<f64>,
    /// The sums.
    pub tree: Tree,
}

#[derive(Serialize, Deserialize)]
struct Description {
    alunite: String,
    origin: Origin,
    nodes: Vec<(Place, u64)>,
}

impl Description {
    /// That its parts agree; what does not, in words.
    fn check(&self) -> Result<(), &'static str> {
        let Origin { units, bands, band_facts, .. } = &self.origin;
        let facts = band_facts.as_ref();
        let n = bands.len();
        let pixels = self.nodes.iter().try_fold(0_u64, |sum, (_, count)| sum.checked_add(*count));
        match () {
            () if n == 0 => Err("there are no bands"),
            () if facts.is_some_and(|b| b.len() != n || b.fwhm.as_ref().is_some_and(|f| f.len() != n)) => {
                Err("centres or widths are not as many as bands")
            }
            () if ![units.lines, units.samples].iter().all(|s| (1..=MOST_LINES).contains(s)) => {
                Err("a scene has not that many lines or samples")
            }
            () if units.columns.is_some_and(|c| !(1..=units.samples).contains(&c)) => {
                Err("a group has not that many columns")
            }
            () if pixels.is_none_or(|sum| sum > MOST_PIXELS) => Err("no scene has that many pixels"),
            () => Ok(()),
        }
    }
}

impl Statistics {
    /// The backgrounds of all groups of columns; `None` for a group without a pixel.
    ///
    /// # Errors
    /// Refuses statistics that lack units (shards that were not merged).
    pub fn backgrounds(&self, place: &str) -> Result<Vec<Option<Background>>> {
        let one = |group: usize| {
            let whole = self.tree.whole(&self.origin.units, group).ok_or_else(|| {
                Error::refused(place, "these are statistics of a part of the scene")
                    .hint("merge all shards with `alunite stats --merge A B ... --out FILE`")
            })?;
            Ok(Background::new(&self.about, whole))
        };
        (0..self.origin.units.groups()).map(one).collect()
    }

    /// The statistics of the bands at `indices` among its own, in that order.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let pick = |values: &[f64]| indices.iter().map(|&i| values[i]).collect::<Vec<f64>>();
        let mut selected = self.clone();
        selected.about = pick(&self.about);
        selected.origin.bands = indices.iter().map(|&i| self.origin.bands[i]).collect();
        selected.origin.band_facts = self.origin.band_facts.as_ref().map(|b| b.select(indices));
        for moments in selected.tree.nodes.values_mut().filter(|m| m.count > 0) {
            let entry = |i: usize, j: usize| moments.products[packed(i.max(j), i.min(j))];
            let products = indices.iter().enumerate().flat_map(|(n, &i)| indices[..=n].iter().map(move |&j| (i, j)));
            let products = products.map(|(i, j)| entry(i, j)).collect();
            (moments.sum, moments.quantised) = (pick(&moments.sum), pick(&moments.quantised));
            moments.products = products;
        }
        selected
    }

    /// Writes the file under a temporary name and renames it when it is whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes = self.to_bytes()?;
        whole_file(path, |out| out.write_all(&bytes))
    }

    /// Reads a file and checks it.
    ///
    /// # Errors
    /// Refuses files that are not statistics, of another version, cut short or damaged.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::unopened(path, &e))?;
        Self::from_bytes(&bytes, &path.display().to_string())
    }

    /// Whether a file begins as statistics do.
    #[must_use]
    pub fn recognises(path: &Path) -> bool {
        use std::io::Read as _;
        let mut start = [0; MAGIC.len()];
        std::fs::File::open(path).and_then(|mut f| f.read_exact(&mut start)).is_ok() && start == *MAGIC
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// Never in practice: a description always serialises.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let description = Description {
            alunite: env!("CARGO_PKG_VERSION").to_owned(),
            origin: self.origin.clone(),
            nodes: self.tree.nodes.iter().map(|(place, m)| (*place, m.count)).collect(),
        };
        let text = serde_json::to_vec(&description).map_err(|e| Error::failed("statistics", e))?;
        let sums = self.tree.nodes.values().flat_map(|m| [&m.sum[..], &m.quantised, &m.products]);
        let lists = std::iter::once(&self.about[..]).chain(sums);
        let numbers = lists.clone().map(<[f64]>::len).sum();
        Ok(sealed(&text, numbers, |mut rest| {
            // List by list: of lists in one iterator, values would be copied one at a time.
            for values in lists {
                let (to, after) = rest.split_at_mut(values.len());
                to.iter_mut().zip(values).for_each(|(to, v)| *to = v.to_le_bytes());
                rest = after;
            }
        }))
    }

    /// Reads what [`Statistics::to_bytes`] wrote; `place` names it in messages.
    ///
    /// # Errors
    /// As [`Statistics::read`].
    pub fn from_bytes(bytes: &[u8], place: &str) -> Result<Self> {
        let damaged = |what: String| Error::refused(place, what).hint("make the statistics again with `alunite stats`");
        if !bytes.starts_with(MAGIC) {
            return Err(Error::refused(place, "is not a statistics file: it does not begin with ALUNSTAT")
                .hint("make one with `alunite stats SCENE --out FILE`"));
        }
        let version = u32::from_le_bytes(array(bytes, MAGIC.len()).ok_or_else(|| damaged("is cut short".into()))?);
        if version != VERSION {
            return Err(damaged(format!("is of version {version}, this build reads version {VERSION}")));
        }
        let Some((content, hash)) = bytes.split_last_chunk::<HASH>() else {
            return Err(damaged("is cut short".into()));
        };
        if blake3::hash(content).as_bytes() != hash {
            return Err(damaged("is damaged or cut short: its checksum does not fit".into()));
        }
        let at = MAGIC.len() + 4;
        let length = array(content, at).map_or(usize::MAX, |b| u64::from_le_bytes(b) as usize);
        let text = content.get(at + 8..).and_then(|rest| rest.get(..length));
        let text = text.ok_or_else(|| damaged("its description is cut short".into()))?;
        let description: Description =
            serde_json::from_slice(text).map_err(|e| damaged(format!("its description cannot be read: {e}")))?;
        let numbers: Vec<f64> = content[at + 8 + length..]
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes(array(b, 0).unwrap_or_default()))
            .collect();
        let bands = description.origin.bands.len();
        description.check().map_err(|what| damaged(format!("its description is not sound: {what}")))?;
        let filled = description.nodes.iter().filter(|(_, count)| *count > 0).count();
        let announced = (2 * bands + packed(bands, 0)).checked_mul(filled).and_then(|n| n.checked_add(bands));
        if announced != Some(numbers.len()) {
            return Err(damaged(format!("holds {} numbers for {bands} bands and {filled} sums", numbers.len())));
        }
        let (about, mut rest) = numbers.split_at(bands);
        let mut take = |n: usize| {
            let (head, tail) = rest.split_at(n);
            rest = tail;
            head.to_vec()
        };
        let mut tree = Tree::default();
        for (place, count) in description.nodes {
            let moments = match count {
                0 => Moments::default(),
                _ => Moments { count, sum: take(bands), quantised: take(bands), products: take(packed(bands, 0)) },
            };
            if tree.nodes.insert(place, moments).is_some() {
                return Err(damaged(format!("holds {place:?} twice")));
            }
        }
        if !tree.fits(&description.origin.units) {
            return Err(damaged("its sums do not fit the scene's cut into units".into()));
        }
        Ok(Self { origin: description.origin, about: about.to_vec(), tree })
    }
}

/// A description and so many numbers as a whole file, written once in memory, as they may be many.
fn sealed(description: &[u8], numbers: usize, fill: impl FnOnce(&mut [[u8; 8]])) -> Vec<u8> {
    let head = MAGIC.len() + 4 + 8 + description.len();
    let mut bytes = Vec::with_capacity(head + 8 * numbers + HASH);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((description.len() as u64).to_le_bytes());
    bytes.extend(description);
    bytes.resize(head + 8 * numbers, 0);
    fill(bytes[head..].as_chunks_mut().0);
    bytes.extend(blake3::hash(&bytes).as_bytes());
    bytes
}

/// A description that can be read, and as many sums as it asks for: the numbers over and over.
pub(super) fn with_sums(description: &[u8], numbers: &[u8], most_bands: usize) -> Option<Vec<u8>> {
    let read: Description = serde_json::from_slice(description).ok()?;
    let bands = read.origin.bands.len();
    let filled = read.nodes.iter().filter(|(_, count)| *count > 0).count();
    let of_all = bands + filled * (2 * bands + packed(bands, 0));
    let numbers = numbers.iter().copied().chain([0]).cycle();
    let fill = |to: &mut [[u8; 8]]| to.as_flattened_mut().iter_mut().zip(numbers).for_each(|(to, byte)| *to = byte);
    (bands <= most_bands).then(|| sealed(description, of_all, fill))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn statistics(identity: &str, count: u64) -> Statistics {
        let units = Units::new(1, 5, None);
        let moments =
            Moments { count, sum: vec![0.5, -0.25], quantised: vec![0.5, -0.25], products: vec![2.0, 0.1, 3.0] };
        let mut tree = Tree::default();
        tree.insert(Place { group: 0, level: 0, index: 0 }, moments, 1);
        let origin = Origin {
            scenes: vec![identity.into()],
            units,
            bands: vec![3, 5],
            band_facts: None,
            background: "the scene".into(),
            identity: identity.into(),
        };
        Statistics { origin, about: vec![0.25, 0.5], tree }
    }

    #[test]
    fn a_file_comes_back_only_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.stats");
        let written = statistics("a", 5);
        written.write(&path).unwrap();
        assert_eq!(Statistics::read(&path).unwrap(), written);
        assert!(Statistics::recognises(&path) && !Statistics::recognises(folder.path()));
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 4;
            assert!(Statistics::from_bytes(&bad, "bad").is_err(), "byte {at}");
            assert!(Statistics::from_bytes(&bytes[..at], "short").is_err(), "{at} bytes");
        }
    }

    #[test]
    fn a_description_that_contradicts_itself_is_refused() {
        let honest = statistics("a", 5);
        let refused = |change: &dyn Fn(&mut Statistics)| {
            let mut changed = honest.clone();
            change(&mut changed);
            Statistics::from_bytes(&changed.to_bytes().unwrap(), "x").unwrap_err().to_string()
        };
        let node = |level, index| {
            move |s: &mut Statistics| {
                s.tree.nodes.insert(Place { group: 0, level, index }, Moments::default());
            }
        };
        assert!(refused(&|s| s.origin.units.columns = Some(0)).contains("columns"));
        assert!(refused(&|s| s.origin.units.lines = 1 << 60).contains("lines"));
        assert!(
            refused(&|s| s.origin.band_facts = Some(Bands { centres: Vec::new(), fwhm: None })).contains("centres")
        );
        assert!(refused(&|s| s.tree.nodes.values_mut().for_each(|m| m.count = u64::MAX)).contains("pixels"));
        assert!(refused(&node(64, 0)).contains("units") && refused(&node(0, 1)).contains("units"));
        assert!(refused(&node(1, 0)).contains("units"), "a unit in two nodes");
        assert!(refused(&|s| *s = Statistics { tree: Tree::default(), ..s.select(&[]) }).contains("no bands"));
        let mut other = honest.clone();
        other.origin.units.lines = 6;
        let files = vec![("a".to_owned(), honest.clone()), ("b".to_owned(), other)];
        assert!(Statistics::merge(files).unwrap_err().to_string().contains("b: has other units"));
    }
}
