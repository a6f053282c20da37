//! Bands in use: one set for the whole run, and why every other band left it.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::request::Request;
use super::{atmosphere, overlap};
use crate::error::{Error, Result};
use crate::library::Axis;
use crate::library::resample::Resampler;
use crate::library::select::Target;
use crate::scene::{Description, Look, Scene};
use crate::spectrum::{Bands, Nanometers, WavelengthRange};
use crate::tile::Tile;

/// A band that is not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
    /// Its number in the scene, from 1.
    pub band: usize,
    /// Its centre, when the scene has wavelengths.
    pub wavelength_nm: Option<Nanometers>,
    /// Why.
    pub reason: String,
}

/// Begins the reason of a band that a target has no data at.
const UNCOVERED: &str = "not covered by ";

impl Dropped {
    /// Whether it is left out because targets have no data there.
    pub(super) fn is_uncovered(&self) -> bool {
        self.reason.starts_with(UNCOVERED)
    }
}

/// What is used and what is not.
#[derive(Debug, Clone)]
pub(super) struct BandsInUse {
    /// Indices into the scene's bands, in the order of their wavelengths; ascending where there are none.
    pub(super) indices: Vec<usize>,
    pub(super) dropped: Vec<Dropped>,
    /// Target spectra on the bands in use, shape (targets, bands).
    pub(super) spectra: Array2<f64>,
    /// Bands that each target lacks, of those that could be used.
    pub(super) costs: Vec<usize>,
    /// Pixels of the scene and the bands that they are in, as far as these were looked at.
    pub(super) looked: Option<(Tile, Vec<usize>)>,
    /// How detectors were cut and how the libraries came to the scene's bands: one sentence each.
    pub(super) notes: Vec<String>,
}

/// Why bands that `--wavelengths` does not name are not used.
const OUTSIDE: &str = "outside the wavelengths asked for";

/// A target may cost this share of the bands; one that would cost more is refused by name.
const MAX_COST: f64 = 0.1;

/// Targets that a refusal names; a whole release may be too short for a scene.
const NAMED: usize = 20;

/// The spectral angle and its relatives need at least this many bands to mean anything.
const MIN_BANDS: usize = 2;

pub(super) fn select(
    scene: &Scene,
    targets: &[(String, Target)],
    request: &Request,
    by_index: bool,
) -> Result<BandsInUse> {
    let Request { wavelengths: ranges, keep_overlap, keep_bands, .. } = request;
    let described = &scene.description;
    let place = described.path.display();
    let centres = if by_index {
        described.spectral.as_ref().ok()
    } else {
        Some(described.spectral.as_ref().map_err(Clone::clone)?)
    };
    if centres.is_none() && !ranges.is_empty() {
        return Err(Error::refused(&place, "--wavelengths cannot choose bands of a scene without wavelengths")
            .hint("leave --wavelengths out, or pass --bands-from CSV (channel, wavelength_nm, fwhm_nm)"));
    }
    let mut reasons: Vec<Option<String>> = vec![None; described.bands];
    let mut closed = 0;
    for (band, reason) in reasons.iter_mut().enumerate() {
        let centre = centres.map(|c| c.centres[band]);
        let within = |ranges: &[WavelengthRange]| centre.is_some_and(|c| ranges.iter().any(|r| r.contains(c)));
        let kept = within(keep_bands) || keep_bands.contains(&WavelengthRange::ALL);
        *reason = if !kept && described.good.get(band) == Some(&false) {
            Some("flagged bad in the scene's band list".into())
        } else if !ranges.is_empty() && !within(ranges) {
            Some(OUTSIDE.into())
        } else if !kept && described.good.is_empty() {
            centre.and_then(atmosphere::closed).inspect(|_| closed += 1)
        } else {
            None
        };
    }
    let open =
        |reasons: &[Option<String>]| (0..reasons.len()).filter(|&b| reasons[b].is_none()).collect::<Vec<usize>>();
    let candidates = open(&reasons);
    if candidates.is_empty() && ranges.is_empty() {
        let what = format!("no band is left: the scene's band list flags all {} as bad", described.bands);
        return Err(Error::refused(&place, what).hint("correct the list ('bbl' in a header or in tags), or remove it"));
    }
    if candidates.is_empty() {
        let extent =
            centres.and_then(Bands::extent).map_or(String::new(), |(a, b)| format!(" (its bands run from {a} to {b})"));
        return Err(Error::refused(
            &place,
            format!("no band is left: all are flagged bad or outside the wavelengths asked for{extent}"),
        )
        .hint("widen --wavelengths, or keep flagged bands with --keep-bands"));
    }
    let Look { dead, tile } = scene.look(&candidates)?;
    if dead.len() == candidates.len() {
        return Err(Error::refused(&place, "every pixel is no data in every band")
            .hint("pass --nodata with the stored value that means no data, if the declared one is wrong"));
    }
    dead.iter().for_each(|&b| reasons[b] = Some("holds no data in every pixel".into()));

    let mut notes: Vec<String> = (closed > 0).then(|| atmosphere::note(closed)).into_iter().collect();
    if let Some(centres) = centres.filter(|_| !keep_overlap) {
        cut_overlaps(centres, &mut reasons, &mut notes);
    }
    let (values, told) = on_scene_bands(described, targets, by_index)?;
    notes.extend(told);
    let alive = open(&reasons);
    let costs = costs(described, targets, &values, &alive)?;
    for &band in &alive {
        let missing: Vec<&str> =
            (0..targets.len()).filter(|&t| values[(t, band)].is_nan()).map(|t| targets[t].0.as_str()).collect();
        if !missing.is_empty() {
            reasons[band] = Some(format!("{UNCOVERED}{}", missing.join("; ")));
        }
    }
    let mut indices = open(&reasons);
    if let Some(centres) = centres {
        indices.sort_by(|&a, &b| centres.centres[a].0.total_cmp(&centres.centres[b].0));
    }
    if indices.len() < MIN_BANDS {
        let what =
            format!("{} of {} bands are left to use; at least {MIN_BANDS} are needed", indices.len(), described.bands);
        return Err(Error::refused(&place, what).hint(match described.bands < MIN_BANDS {
            true => "name a scene of many bands: one band has no spectrum",
            false => "widen --wavelengths or choose targets that cover the scene's bands",
        }));
    }
    let dropped = reasons
        .into_iter()
        .enumerate()
        .filter_map(|(b, reason)| {
            Some(Dropped { band: b + 1, wavelength_nm: centres.map(|c| c.centres[b]), reason: reason? })
        })
        .collect();
    let spectra = Array2::from_shape_fn((targets.len(), indices.len()), |(t, b)| values[(t, indices[b])]);
    Ok(BandsInUse { indices, dropped, spectra, costs, looked: tile.map(|tile| (tile, candidates)), notes })
}

/// Leaves out the bands of overlapping detectors beyond the cut. Which wavelengths were asked for does not move it.
fn cut_overlaps(centres: &Bands, reasons: &mut [Option<String>], notes: &mut Vec<String>) {
    let usable: Vec<bool> = reasons.iter().map(|r| r.as_deref().is_none_or(|r| r == OUTSIDE)).collect();
    for overlap in overlap::find(&centres.centres, &usable) {
        let cut: Vec<usize> = overlap.left_out.iter().copied().filter(|&b| reasons[b].is_none()).collect();
        if cut.is_empty() {
            continue;
        }
        notes.push(format!(
            "two detectors overlap from {:.2} to {:.2} nm: cut at {:.2} nm, {} bands are left out (--keep-overlap uses them)",
            overlap.both.start(),
            overlap.both.end(),
            overlap.cut,
            cut.len()
        ));
        cut.into_iter().for_each(|b| reasons[b] = Some(overlap.reason()));
    }
}

/// Every target on every band of the scene, shape (targets, bands); NaN where it does not cover the band.
fn on_scene_bands(
    described: &Description,
    targets: &[(String, Target)],
    by_index: bool,
) -> Result<(Array2<f64>, Vec<String>)> {
    let mut values = Array2::from_elem((targets.len(), described.bands), f64::NAN);
    let mut notes = Vec::new();
    // A resampler serves all targets of its library; libraries are told apart by their place in memory.
    let mut known: Vec<(*const crate::library::Library, Option<Resampler>)> = Vec::new();
    for (t, (_, target)) in targets.iter().enumerate() {
        let library = target.library;
        if !known.iter().any(|(l, _)| std::ptr::eq(*l, library)) {
            let (resampler, note) = resampler(described, library, by_index)?;
            notes.push(format!("{}: {note}", library.path.display()));
            known.push((std::ptr::from_ref(library), resampler));
        }
        let resampler = known.iter().find(|(l, _)| std::ptr::eq(*l, library)).and_then(|(_, r)| r.as_ref());
        let row = match resampler {
            Some(resampler) => resampler.apply(&target.spectrum.values).values,
            None => target.spectrum.values.clone(),
        };
        values.row_mut(t).iter_mut().zip(row).for_each(|(v, r)| *v = r);
    }
    Ok((values, notes))
}

/// How a library comes to the scene's bands: a resampler (`None`: channel i is band i), and a sentence about it.
fn resampler(
    described: &Description,
    library: &crate::library::Library,
    by_index: bool,
) -> Result<(Option<Resampler>, String)> {
    let place = library.path.display();
    if by_index {
        let channels = library.spectra.first().map_or(0, |s| s.values.len());
        return if channels == described.bands {
            Ok((None, "channel i taken for band i, as --match-bands-by-index says".into()))
        } else {
            let what = format!("{channels} channels, but the scene has {} bands", described.bands);
            Err(Error::refused(place, what)
                .hint("--match-bands-by-index needs as many channels as the scene has bands"))
        };
    }
    let scene_bands = described.spectral.as_ref().map_err(Clone::clone)?;
    let bands = match library.axis.as_ref().map_err(Clone::clone)? {
        Axis::Wavelengths(bands) => bands,
        Axis::Channels(n) => {
            return Err(Error::refused(place, format!("its {n} channels have no wavelengths"))
                .hint("give the library wavelengths, or say --match-bands-by-index if channel i is band i"));
        }
    };
    let resampler = Resampler::new(bands, scene_bands);
    if resampler.is_identity() {
        return Ok((Some(resampler), "already on the scene's bands (centres within 0.1 nm), used as it is".into()));
    }
    let mut note =
        format!("{} channels resampled to the scene's {} bands by Gaussian responses", bands.len(), scene_bands.len());
    if scene_bands.fwhm.is_none() {
        note.push_str("; the scene gives no FWHM, the distance to the nearest band was taken");
    }
    if bands.fwhm.is_none() {
        note.push_str("; the library gives no FWHM, its channels were taken as narrow");
    }
    match resampler.coarser_bands().len() {
        0 => {}
        n => note.push_str(&format!("; the library is coarser than {n} bands, which were interpolated")),
    }
    Ok((Some(resampler), note))
}

/// How many bands each target lacks. Refuses libraries that do not meet the scene, and targets that would take more than a
/// tenth of the bands with them.
fn costs(
    described: &Description,
    targets: &[(String, Target)],
    values: &Array2<f64>,
    alive: &[usize],
) -> Result<Vec<usize>> {
    let cost = |t: usize| alive.iter().filter(|&&b| values[(t, b)].is_nan()).count();
    let costs: Vec<usize> = (0..targets.len()).map(cost).collect();
    if !targets.is_empty() && costs.iter().all(|&c| c == alive.len()) {
        let extent = |bands: Option<&Bands>| match bands.and_then(Bands::extent) {
            Some((from, to)) => format!("{from} to {to}"),
            None => "no wavelengths".into(),
        };
        let used = described.spectral.as_ref().ok().map(|b| b.select(alive));
        let library = targets[0].1.library;
        let axis = match &library.axis {
            Ok(Axis::Wavelengths(bands)) => Some(bands),
            _ => None,
        };
        let what = format!(
            "the library does not cover any band of the scene: library {}, scene's bands to use {}",
            extent(axis),
            extent(used.as_ref())
        );
        return Err(Error::refused(library.path.display(), what).hint("check the units of both with `alunite info`"));
    }
    let limit = (alive.len() as f64 * MAX_COST).floor() as usize;
    let costly: Vec<String> = (0..targets.len())
        .filter(|&t| costs[t] > limit)
        .map(|t| format!("{} (lacks {})", targets[t].0, costs[t]))
        .collect();
    if costly.is_empty() {
        return Ok(costs);
    }
    let more = costly.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let named = costly[..costly.len().min(NAMED)].join("; ");
    let what = format!("would cost more than a tenth of the {} bands: {named}{more}", alive.len());
    Err(Error::refused("targets", what)
        .hint("leave them out of --targets, or narrow --wavelengths to where they have data"))
}
