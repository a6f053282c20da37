//! What stored values mean: scale, offset and no data, from the file or from the user, with a sentence for each.

use crate::error::{Error, Result};
use crate::scene::SceneOptions;
use crate::tile::{Sample, SampleType, Samples, Scaling};
use crate::with_samples;

/// Stored values to reflectance: the file's own scaling (`None` when it has none), unless the user gives a scale.
pub(super) fn scaling(
    declared: Option<Scaling>,
    bands: usize,
    sample_type: SampleType,
    place: &str,
    options: &SceneOptions,
    notes: &mut Vec<String>,
) -> Result<Scaling> {
    if let Some(scale) = options.scale {
        check_factor("--scale", scale)?;
        let file = if declared.is_some() { "; the file's own scaling is not used" } else { "" };
        notes.push(format!("scale {scale} from --scale (stored {scale} is reflectance 1){file}"));
        return Ok(Scaling::uniform(bands, 1.0 / scale));
    }
    let Some(scaling) = declared else {
        let integers = !matches!(sample_type, SampleType::F32 | SampleType::F64);
        let advice = if integers { "; pass --scale if another stored value means reflectance 1" } else { "" };
        notes.push(format!("the file declares no scale: stored values are taken as reflectance{advice}"));
        return Ok(Scaling::identity(bands));
    };
    let sound = |(gain, offset): (&f64, &f64)| gain.is_finite() && *gain != 0.0 && offset.is_finite();
    if let Some(i) = scaling.gain.iter().zip(&scaling.offset).position(|pair| !sound(pair)) {
        let what =
            format!("gain {} and offset {} of band {} cannot be used", scaling.gain[i], scaling.offset[i], i + 1);
        return Err(Error::refused(place, what).hint("pass --scale with the stored value that means reflectance 1"));
    }
    Ok(scaling)
}

/// A divisor of stored values: finite and above zero.
pub(super) fn check_factor(place: &str, factor: f64) -> Result<()> {
    if factor > 0.0 && factor.is_finite() {
        return Ok(());
    }
    Err(Error::refused(place, format!("{factor} is not a number above zero"))
        .hint("pass --scale with the stored value that means reflectance 1"))
}

/// The stored value that means no data: the user's, else the file's.
pub(super) fn nodata(
    declared: Option<f64>,
    sample_type: SampleType,
    options: &SceneOptions,
    notes: &mut Vec<String>,
) -> Option<f64> {
    if let Some(given) = options.nodata {
        let file = declared.filter(|d| d.to_bits() != given.to_bits()).map(|d| format!(", instead of the file's {d}"));
        notes.push(format!("no-data value {given} from --nodata{}", file.unwrap_or_default()));
    }
    let value = options.nodata.or(declared)?;
    if !holds(sample_type, value) {
        notes.push(format!("the no-data value {value} cannot occur in {} samples", sample_type.name()));
    }
    Some(value)
}

fn holds(sample_type: SampleType, value: f64) -> bool {
    fn of<T: Sample>(_: &[T], value: f64) -> bool {
        T::nodata(value).is_some()
    }
    with_samples!(&Samples::zeros(sample_type, 0), none => of(none, value))
}

/// A bad-band list of zeros and ones as flags.
pub(super) fn good(list: &[f64], place: &str) -> Result<Vec<bool>> {
    let flag = |(i, &value): (usize, &f64)| match value {
        0.0 => Ok(false),
        1.0 => Ok(true),
        other => Err(Error::refused(place, format!("the flag of band {} is {other}, not 0 or 1", i + 1))
            .hint("correct the bad-band list or remove it")),
    };
    list.iter().enumerate().map(flag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_scale_and_nodata_replace_the_files() {
        let options = SceneOptions { scale: Some(10_000.0), nodata: Some(-1.0), ..SceneOptions::default() };
        let mut notes = Vec::new();
        let file = Some(Scaling { gain: vec![2.0; 2], offset: vec![1.0; 2] });
        let scaling = scaling(file, 2, SampleType::U16, "x", &options, &mut notes).unwrap();
        assert_eq!(scaling, Scaling::uniform(2, 1e-4));
        assert_eq!(nodata(Some(0.0), SampleType::U16, &options, &mut notes), Some(-1.0));
        assert_eq!(notes.len(), 3);
        assert!(notes[1].contains("instead of the file's 0") && notes[2].contains("cannot occur in uint16"));
    }

    #[test]
    fn factors_and_flags_that_make_no_sense_are_refused() {
        let none = SceneOptions::default();
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let options = SceneOptions { scale: Some(bad), ..none.clone() };
            assert!(scaling(None, 1, SampleType::U8, "x", &options, &mut Vec::new()).is_err());
        }
        let zero = Some(Scaling { gain: vec![1.0, 0.0], offset: vec![0.0; 2] });
        let error = scaling(zero, 2, SampleType::U8, "x", &none, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("band 2"));
        assert_eq!(good(&[0.0, 1.0], "x").unwrap(), [false, true]);
        assert!(good(&[1.0, 2.0], "x").is_err() && good(&[f64::NAN], "x").is_err());
    }
}
