//! EMIT's L2A mask (netCDF-4): `mask` `[downtrack][crosstrack][bands]`, whose bands are named in
//! `sensor_band_parameters/mask_bands`.
//!
//! Version 1 has Cloud, Cirrus, Water, Spacecraft, Dilated Cloud and Aggregate flags (0 or 1) and two measurements, AOD550
//! and H2O; version 2 adds a SpecTf-Cloud flag, a probability and a distance. Only flags can mask.

use std::path::Path;

use crate::error::{Error, Result};
use crate::scene::emit::{BANDS, DIMENSIONS};
use crate::scene::kind;
use crate::scene::multidim::File;

const MASK: &str = "mask";

/// The flags that are used unless others are named: whatever hides the ground, or is none.
const DEFAULT: [&str; 5] = ["cloud", "cirrus", "dilated-cloud", "spacecraft", "water"];

/// Lines that are read at once.
const LINES: usize = 64;

/// The pixels of a scene of `(lines, samples)` in which one of the flags is set, line by line, and the flags' names.
/// `asked` of `None` takes the default.
///
/// # Errors
/// Refuses what is no such mask, a mask of another shape, unknown names and values that are no flags.
pub(super) fn read(path: &Path, size: (usize, usize), asked: Option<&[String]>) -> Result<(Vec<bool>, Vec<String>)> {
    if !matches!(kind::of(path)?, kind::Kind::Hdf5) {
        return Err(Error::refused(path.display(), "is no netCDF-4 file, expected an EMIT L2A mask")
            .hint("name the EMIT_L2A_MASK_….nc file that belongs to the scene"));
    }
    let file = File::open_netcdf(path)?;
    let mut mask = file.required(MASK, &DIMENSIONS)?;
    let (lines, samples, bands) = (mask.shape[0], mask.shape[1], mask.shape[2]);
    if (lines, samples) != size {
        let what = format!("has {lines} lines x {samples} samples, expected {} x {}, the scene's", size.0, size.1);
        return Err(Error::refused(mask.place(), what).hint("name the mask of the same granule"));
    }
    mask.check_sides()?;
    let names = file.texts(&format!("{BANDS}/mask_bands"), bands)?;
    let chosen = choose(&file, &names, asked)?;
    let mut flags = vec![false; lines * samples];
    let mut values = vec![0.0_f32; LINES.min(lines) * samples * bands];
    for y in (0..lines).step_by(LINES) {
        let height = LINES.min(lines - y);
        let values = &mut values[..height * samples * bands];
        mask.read(&[y, 0, 0], &[height, samples, bands], values)?;
        for (i, pixel) in values.chunks_exact(bands).enumerate() {
            for &(band, _) in &chosen {
                let value = pixel[band];
                // Where the mask has no value there was nothing to judge.
                let fill = value.is_nan() || mask.fill == Some(f64::from(value));
                if value != 0.0 && value != 1.0 && !fill {
                    let at = format!("line {}, sample {}", y + i / samples, i % samples);
                    let what = format!("the band '{}' is {value} at {at}, expected 0 or 1", names[band].trim());
                    return Err(Error::refused(mask.place(), what).hint("leave the band out of --mask-bands"));
                }
                flags[y * samples + i] |= fill || value == 1.0;
            }
        }
    }
    Ok((flags, chosen.into_iter().map(|(_, word)| word).collect()))
}

/// Bands and their words, in the order of the file.
fn choose(file: &File, names: &[String], asked: Option<&[String]>) -> Result<Vec<(usize, String)>> {
    let words: Vec<Option<String>> = names.iter().map(|n| word(n)).collect();
    let known: Vec<&str> = words.iter().flatten().map(String::as_str).collect();
    let place = || if asked.is_some() { "--mask-bands".to_owned() } else { file.place(&format!("{BANDS}/mask_bands")) };
    let hint = format!("flags of {} are: {}", file.path().display(), known.join(", "));
    let default: Vec<String> = DEFAULT.map(str::to_owned).into();
    let asked_words: Vec<String> = asked.unwrap_or(&default).iter().map(|a| plain(a)).collect();
    if asked_words.is_empty() {
        return Err(Error::refused(place(), "no flag was named").hint(hint));
    }
    for asked in &asked_words {
        if !known.contains(&asked.as_str()) {
            let measured = names.iter().any(|n| plain(n) == *asked || plain(n).starts_with(&format!("{asked}-")));
            let what = match measured {
                true => format!("'{asked}' is a measurement, expected a flag"),
                false => format!("there is no flag '{asked}'"),
            };
            return Err(Error::refused(place(), what).hint(hint));
        }
    }
    let wanted = |word: &Option<String>| word.clone().filter(|w| asked_words.contains(w));
    Ok(words.iter().enumerate().filter_map(|(band, word)| Some((band, wanted(word)?))).collect())
}

/// The word of a flag: `Dilated Cloud Flag` is `dilated-cloud`. `None` for a measurement.
fn word(name: &str) -> Option<String> {
    plain(name).strip_suffix("-flag").map(str::to_owned)
}

/// Lower-case letters and digits, joined by hyphens.
fn plain(name: &str) -> String {
    let lower = name.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_words_and_measurements_none() {
        assert_eq!(word("Cloud flag").as_deref(), Some("cloud"));
        assert_eq!(word("Dilated Cloud Flag ").as_deref(), Some("dilated-cloud"));
        assert_eq!(word("SpecTf-Cloud Flag").as_deref(), Some("spectf-cloud"));
        assert_eq!((word("AOD550"), word("H2O (g cm-2)")), (None, None));
    }
}
