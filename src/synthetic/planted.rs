//! The scene of the planted-target experiment: ordinary ground in which a known share of one mineral lies in known
//! pixels, to measure how little of a mineral a method finds.
//!
//! Planting changes the planted pixels and nothing else: scenes of one seed and mineral have the same background, the
//! same light and the same draws of noise, whatever the share.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::background::Background;
use super::geology::{Ground, cover, place, ratio};
use super::minerals::ALL;
use super::noise::Random;
use super::paint::{Painter, Pixel};
use super::write::{library as write_library, scene_header};
use super::{Settings as Size, sensor};
use crate::error::{Error, Result};
use crate::files::whole_file;

/// The streams of random numbers that vary the lines' pixels, and that choose those to plant in. The noise of line n
/// has stream n.
const VARIATION: u64 = 1 << 40;
const PLANTING: u64 = 1 << 41;

/// What errors name.
const PLACE: &str = "planted scene";

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Number of lines.
    pub lines: usize,
    /// Number of samples.
    pub samples: usize,
    /// Another seed gives another ground, other planted pixels and other noise.
    pub seed: u64,
    /// Name of the planted mineral, one of [`minerals::ALL`](super::minerals::ALL).
    pub mineral: &'static str,
    /// Its share in the pixels it is planted in, 0 to 1.
    pub share: f64,
    /// One pixel in this many is planted; none, where the scene has fewer.
    pub every: usize,
}

/// A written scene.
#[derive(Debug, Clone)]
pub struct Planted {
    /// The cube (its header lies beside it).
    pub scene: PathBuf,
    /// The library CSV: the minerals, then the backgrounds; the demo's.
    pub library: PathBuf,
    /// One flag a pixel, line by line: whether the mineral was planted there.
    pub planted: Vec<bool>,
}

/// Writes `scene.img` (and its header) and `library.csv` into the folder `dir`, which is made where missing.
///
/// The cube has EMIT's bands and the noise of the demo's. It is written line by line; files appear under their names
/// when they are complete.
///
/// # Errors
/// Refuses a scene without pixels, a mineral that is not modelled, a share outside 0 to 1, and one pixel in 0; fails
/// when the folder cannot be written.
pub fn write(dir: &Path, settings: &Settings) -> Result<Planted> {
    let size = Size { lines: settings.lines, samples: settings.samples, seed: settings.seed };
    let mineral = checked(settings, &size)?;
    std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, "making the folder", &e))?;
    let (scene, library) = (dir.join("scene.img"), dir.join("library.csv"));
    let planted = planted_pixels(settings);
    write_library(&library)?;
    let bands = sensor::emit();
    let painter = Painter::new(settings.seed, &bands);
    let background = Background::new(settings.seed, mineral);
    // Of the demo's ground only the slopes are taken.
    let slopes = Ground::new(settings.seed, ratio(settings.lines, settings.samples));
    whole_file(&scene, |out| {
        let mut bytes = Vec::new();
        for (line, flags) in planted.chunks_exact(settings.samples).enumerate() {
            let mut random = Random::new(settings.seed, VARIATION + line as u64);
            let pixel = |(sample, &here): (usize, &bool)| {
                let at = place(line, sample, settings.samples);
                let mut shares = background.shares(at, &mut random);
                if here {
                    cover(&mut shares, mineral, settings.share);
                }
                Some(Pixel { shares, light: slopes.illumination(at) })
            };
            let ground: Vec<Option<Pixel>> = flags.iter().enumerate().map(pixel).collect();
            painter.paint(line, &ground, &mut bytes);
            out.write_all(&bytes)?;
        }
        Ok(())
    })?;
    scene_header(&scene, &about(settings), &size, &bands)?;
    Ok(Planted { scene, library, planted })
}

/// Area under the ROC curve of `scores` (NaN = no data, left out), where a larger score is more like a target;
/// `planted` has one flag a score. 0.5 is chance, 1 is perfect.
///
/// It is the chance that a planted pixel scores above one that is not; ties count half (Hanley & McNeil 1982, Radiology
/// 143:29). NaN where no score or every score is a planted pixel's, and where flags and scores differ in number.
#[must_use]
pub fn roc_area(scores: &[f64], planted: &[bool]) -> f64 {
    if scores.len() != planted.len() {
        return f64::NAN;
    }
    let pixels = scores.iter().copied().zip(planted.iter().copied());
    let mut pixels: Vec<(f64, bool)> = pixels.filter(|(score, _)| !score.is_nan()).collect();
    pixels.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    // Pairs won by the planted pixel, and pixels of each kind at or below the score reached. Halves and whole numbers:
    // exact in f64 for scenes of less than 2^26 pixels.
    let (mut won, mut targets, mut others) = (0.0, 0.0, 0.0);
    for ties in pixels.chunk_by(|a, b| a.0 == b.0) {
        let (mut targets_here, mut others_here) = (0.0, 0.0);
        for &(_, target) in ties {
            *(if target { &mut targets_here } else { &mut others_here }) += 1.0;
        }
        won += targets_here * (others + 0.5 * others_here);
        targets += targets_here;
        others += others_here;
    }
    won / (targets * others)
}

/// Refuses what cannot be made; returns the mineral's place in [`ALL`].
fn checked(settings: &Settings, size: &Size) -> Result<usize> {
    size.hold_pixels(PLACE)?;
    if !(0.0..=1.0).contains(&settings.share) {
        let what = format!("a share of {} is not within 0 to 1", settings.share);
        return Err(Error::refused(PLACE, what).hint("give the share as a fraction: 0.05 is 5 %"));
    }
    if settings.every == 0 {
        let hint = "1 plants in every pixel, 20 in one pixel of 20";
        return Err(Error::refused(PLACE, "one pixel in 0 cannot be planted").hint(hint));
    }
    ALL.iter().position(|m| m.name == settings.mineral).ok_or_else(|| {
        let hint = format!("the minerals are: {}", ALL.map(|m| m.name).join("; "));
        Error::refused(PLACE, format!("no mineral is called '{}'", settings.mineral)).hint(hint)
    })
}

/// One pixel chosen by chance in each whole run of `every`, line by line: spread over the scene, but on no lattice that
/// features of the ground or of a detector's windows could fall in step with.
fn planted_pixels(settings: &Settings) -> Vec<bool> {
    let mut random = Random::new(settings.seed, PLANTING);
    let mut planted = vec![false; settings.lines.saturating_mul(settings.samples)];
    for run in planted.chunks_exact_mut(settings.every) {
        run[random.below(settings.every)] = true;
    }
    planted
}

/// The line about the cube in its header.
fn about(settings: &Settings) -> String {
    format!(
        "alunite planted targets: a share of {} of {} in one pixel of {}, in ordinary ground seen by the bands of \
         EMIT; reflectance 0-1, modelled, not measured",
        settings.share, settings.mineral, settings.every
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envi::{Header, find_pair};
    use crate::error::ErrorKind;
    use crate::library::Library;

    const BANDS: usize = 285;
    const SMALL: Settings =
        Settings { lines: 13, samples: 11, seed: 1, mineral: "Alunite (modelled)", share: 0.1, every: 7 };

    /// The scene, and its cube as the bytes of each value.
    fn made(settings: &Settings) -> (Planted, Vec<[u8; 4]>) {
        let dir = tempfile::tempdir().unwrap();
        let made = write(dir.path(), settings).unwrap();
        let bytes = std::fs::read(&made.scene).unwrap();
        (made, bytes.chunks_exact(4).map(|b| b.try_into().unwrap()).collect())
    }

    /// For each pixel whether its spectra in two cubes of [`SMALL`]'s size differ.
    fn changed(a: &[[u8; 4]], b: &[[u8; 4]]) -> Vec<bool> {
        let at =
            |pixel: usize, band: usize| (pixel / SMALL.samples * BANDS + band) * SMALL.samples + pixel % SMALL.samples;
        let differs = |pixel: usize| (0..BANDS).any(|band| a[at(pixel, band)] != b[at(pixel, band)]);
        (0..SMALL.lines * SMALL.samples).map(differs).collect()
    }

    #[test]
    fn the_files_are_a_scene_and_the_demos_library() {
        let dir = tempfile::tempdir().unwrap();
        let made = write(dir.path(), &SMALL).unwrap();
        let (data, header) = find_pair(&made.scene).unwrap();
        let header = Header::read(&header).unwrap();
        header.check_size(&data, &[("lines", 13), ("samples", 11), ("bands", BANDS)]).unwrap();
        assert_eq!(header.bands(BANDS, None).unwrap().bands, sensor::emit());
        let flags: Vec<bool> = header.list_of("bbl", BANDS).unwrap().unwrap().iter().map(|&v| v == 1.0).collect();
        let good = sensor::good(&sensor::emit());
        assert_eq!(flags, good);
        assert!(header.text("description").unwrap().contains("0.1 of Alunite (modelled) in one pixel of 7"));
        let bytes = std::fs::read(&data).unwrap();
        for (i, value) in bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).enumerate() {
            assert!(if good[i / 11 % BANDS] { value > -0.02 && value < 1.0 } else { value == sensor::WATER_FILL });
        }
        assert_eq!(Library::open(&made.library, None).unwrap().spectra.len(), 16);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "nothing unfinished is left");
    }

    #[test]
    fn one_seed_gives_the_same_bits_everywhere_and_another_gives_another_scene() {
        let ((a, cube), (b, again)) = (made(&SMALL), made(&SMALL));
        assert!(a.planted == b.planted && cube == again);
        let (other, cube_of_other) = made(&Settings { seed: 2, ..SMALL });
        assert!(a.planted != other.planted && cube != cube_of_other);
        // Changes when the scene is changed on purpose; that it is the same on every machine is what this line keeps.
        assert_eq!(blake3::hash(cube.as_flattened()).to_hex()[..16], *"ec7ab34718005ce9");
    }

    #[test]
    fn one_pixel_in_each_whole_run_is_planted() {
        for (lines, samples, every) in [(13, 11, 7), (40, 50, 20), (5, 5, 1), (3, 3, 9), (3, 3, 10), (2, 2, usize::MAX)]
        {
            let planted = planted_pixels(&Settings { lines, samples, every, ..SMALL });
            assert_eq!(planted.len(), lines * samples);
            assert_eq!(planted.iter().filter(|p| **p).count(), lines * samples / every);
            assert!(planted.chunks_exact(every).all(|run| run.iter().filter(|p| **p).count() == 1));
        }
        // In every column, as often as in another.
        let planted = planted_pixels(&Settings { lines: 1000, samples: 20, every: 20, ..SMALL });
        let of_column = |column: usize| planted.iter().skip(column).step_by(20).filter(|p| **p).count();
        assert!((0..20).all(|column| (25..=80).contains(&of_column(column))));
    }

    #[test]
    fn planting_changes_the_planted_pixels_and_nothing_else() {
        let (_, background) = made(&Settings { every: usize::MAX, ..SMALL });
        let (none, cube) = made(&Settings { share: 0.0, ..SMALL });
        assert!(none.planted.contains(&true) && cube == background);
        let (some, cube) = made(&SMALL);
        assert_eq!(some.planted, none.planted);
        assert_eq!(changed(&cube, &background), some.planted);
    }

    #[test]
    fn the_mineral_takes_its_share_from_all_the_others_alike() {
        let background = Background::new(1, 0).shares((0.3, 0.4), &mut Random::new(1, 1));
        let mut shares = background;
        cover(&mut shares, 0, 0.25);
        assert_eq!((shares[0], background[0]), (0.25, 0.0));
        assert!(shares.iter().zip(&background).skip(1).all(|(now, before)| *now == 0.75 * before));
        cover(&mut shares, 0, 1.0);
        assert!(shares.iter().enumerate().all(|(i, s)| *s == if i == 0 { 1.0 } else { 0.0 }));
    }

    #[test]
    fn what_cannot_be_made_is_refused_with_a_hint() {
        let dir = tempfile::tempdir().unwrap();
        let wrong = [
            Settings { lines: 0, ..SMALL },
            Settings { samples: 0, ..SMALL },
            Settings { mineral: "Unobtainium", ..SMALL },
            Settings { mineral: "Soil, dry (modelled)", ..SMALL },
            Settings { share: -0.1, ..SMALL },
            Settings { share: 1.1, ..SMALL },
            Settings { share: f64::NAN, ..SMALL },
            Settings { every: 0, ..SMALL },
        ];
        for settings in wrong {
            let error = write(&dir.path().join("new"), &settings).unwrap_err();
            assert!(error.kind() == ErrorKind::Refused && error.next_step().is_some(), "{error}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "a refusal leaves nothing");
    }

    /// The area by its definition: the part of all pairs in which the planted pixel scores above the other.
    fn by_pairs(scores: &[f64], planted: &[bool]) -> f64 {
        let of = |kind: bool| scores.iter().zip(planted).filter(move |(s, p)| !s.is_nan() && **p == kind).map(|x| *x.0);
        let (mut won, mut pairs) = (0.0, 0.0);
        for target in of(true) {
            for other in of(false) {
                won += if target > other { 1.0 } else { f64::from(u8::from(target == other)) / 2.0 };
                pairs += 1.0;
            }
        }
        won / pairs
    }

    #[test]
    fn the_area_is_that_of_all_pairs() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let cases: [(&[f64], &[bool], f64); 8] = [
            (&[0.1, 0.9, 0.2, 0.8], &[false, true, false, true], 1.0),
            (&[0.9, 0.1, 0.8, 0.2], &[false, true, false, true], 0.0),
            (&[0.5, 0.5, 0.5], &[true, false, false], 0.5),
            (&[0.0, -0.0], &[true, false], 0.5),
            (&[1.0, 2.0, 2.0, 3.0], &[false, true, false, true], 0.875),
            (&[nan, 0.1, nan, 0.9, -nan], &[true, false, false, true, true], 1.0),
            (&[-inf, inf, inf, 0.0], &[false, true, false, false], 2.5 / 3.0),
            (&[-1.0, -2.0, -3.0, 5.0], &[true, true, false, false], 0.5),
        ];
        for (scores, planted, area) in cases {
            assert_eq!(roc_area(scores, planted), area, "{scores:?}");
            assert_eq!(roc_area(scores, planted), by_pairs(scores, planted), "{scores:?}");
        }
        let mut random = Random::new(5, 0);
        for n in 2..60 {
            // Few values, so that many tie.
            let scores: Vec<f64> = (0..n).map(|_| [nan, -1.5, 0.0, 0.25, 3.0][random.below(5)]).collect();
            let planted: Vec<bool> = (0..n).map(|_| random.below(3) == 0).collect();
            let (fast, naive) = (roc_area(&scores, &planted), by_pairs(&scores, &planted));
            assert!(fast == naive || fast.is_nan() && naive.is_nan(), "{fast} is not {naive}");
        }
        assert!(roc_area(&[1.0, nan], &[true, false]).is_nan() && roc_area(&[], &[]).is_nan());
        assert!(roc_area(&[1.0, 2.0, 3.0], &[true, false]).is_nan());
    }
}
