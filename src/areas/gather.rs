//! The two readings of a run's maps: pixels are connected, then what lies in each area is gathered.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek as _, Write as _};
use std::path::Path;

use super::components::{Labeller, Settled};
use super::run::{Class, Run};
use super::thresholds::Thresholds;
use super::{Area, Areas, By, Evidence, LEAST_PIXELS, STRIP, Settings, rank};
use crate::error::{Error, Result};
use crate::grid::MapGrid;
use crate::map::RasterReader;
use crate::map::area::{self, PixelAreas};
use crate::map::globe::ToGlobe;
use crate::map::polygons::Numbered;
use crate::map::resampled::Resampled;
use crate::methods::Method;

/// Pixels of a survey that its percentiles are taken from, at most.
const SAMPLED: u64 = 1 << 17;

/// Bytes of an area while it is gathered, and of its outline, more or less.
const AREA_BYTES: usize = 1024;

pub(super) fn areas(folder: &Path, settings: &Settings) -> Result<Areas> {
    let run = Run::read(folder)?;
    let maps = Maps::open(folder, &run, settings)?;
    let (mut labels, settled) = maps.connect(folder, settings)?;
    let need = settled.kept * AREA_BYTES;
    if need > settings.max_memory / 2 {
        let what = format!("{} areas would take {} MiB", settled.kept, need >> 20);
        return Err(Error::refused("--max-memory", what).hint("raise it, or --min-area"));
    }
    let mut numbered = Numbered::create(folder, (maps.map.samples, maps.map.lines), &maps.map.grid)?;
    let gathered = maps.gather(&settled, &mut labels, &mut numbered)?;
    let mut outlines = numbered.outlines()?;
    let globe = maps.map.grid.crs_wkt.as_deref().map(ToGlobe::new).transpose()?;
    let mut found: Vec<Area> = (1..)
        .zip(gathered)
        .map(|(number, sums)| maps.area(sums, outlines.remove(&number).unwrap_or_default(), globe.as_ref(), settings))
        .collect();
    // Equal scores keep the order of first pixels.
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    (1..).zip(&mut found).for_each(|(rank, area)| area.rank = rank);
    Ok(Areas {
        run: run.id.clone(),
        method: maps.method.word().to_owned(),
        unit: maps.unit.clone(),
        by: maps.by,
        areas: found,
        small: settled.small,
        least_m2: settings.min_area_m2,
        least_pixels: settings.min_area_m2.is_none().then_some(LEAST_PIXELS),
        note: maps.areas.as_ref().and_then(PixelAreas::note).map(str::to_owned),
        evidence: settings.evidence.iter().map(|e| name_of(&e.path)).collect(),
        crs_wkt: maps.map.grid.crs_wkt.clone(),
    })
}

/// A survey's name, as a column can have it.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().map(|s| s.to_string_lossy().to_lowercase()).unwrap_or_default();
    stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The maps of a run, and what is known of them.
struct Maps<'a> {
    run: &'a Run,
    method: &'static dyn Method,
    smaller_is_better: bool,
    unit: String,
    by: By,
    /// What is joined.
    group: RasterReader,
    group_nodata: u16,
    classes: RasterReader,
    scores: RasterReader,
    /// Class maps of the run's other methods, and the classes of each.
    others: Vec<(RasterReader, &'a [Class])>,
    surveys: Vec<Survey>,
    of_class: BTreeMap<u16, &'a Class>,
    thresholds: Thresholds,
    map: MapGrid,
    /// Of the map's pixels.
    areas: Option<PixelAreas>,
    /// The smallest area, in pixels or, when a size was given, as a sum of areas of pixels.
    least: u128,
    by_size: bool,
    strip: usize,
    majority: bool,
}

struct Survey {
    raster: Resampled,
    evidence: Evidence,
}

impl<'a> Maps<'a> {
    fn open(folder: &Path, run: &'a Run, settings: &Settings) -> Result<Self> {
        let (of_method, method) = run.map(settings.method.as_deref())?;
        let file = |name: &str| RasterReader::open(&folder.join(name));
        let classes = file(&format!("{}_classes.tif", of_method.method))?;
        let by = settings.by.unwrap_or(if run.zones.is_empty() { By::Mineral } else { By::Zone });
        let group = match by {
            By::Mineral => file(&format!("{}_classes.tif", of_method.method))?,
            By::Zone if run.zones.is_empty() => {
                return Err(Error::refused("--by zone", "the run has no alteration zones")
                    .hint("join by mineral, or map with a library whose minerals the zones' rules know"));
            }
            By::Zone => file("alteration.tif")?,
        };
        let map = classes.map.clone();
        let (samples, lines) = (map.samples, map.lines);
        let scores = file(&format!("{}_scores.tif", of_method.method))?;
        let others: Vec<(RasterReader, &[Class])> = run
            .maps
            .iter()
            .filter(|m| m.method != of_method.method && !m.classes.is_empty())
            .map(|m| Ok((file(&format!("{}_classes.tif", m.method))?, &m.classes[..])))
            .collect::<Result<_>>()?;
        let thresholds = Thresholds::open(folder, run, of_method)?;
        let beside = [&group, &scores].into_iter().chain(others.iter().map(|(lines, _)| lines));
        for (width, height) in beside.map(|other| (other.map.samples, other.map.lines)).chain(thresholds.size()) {
            if (width, height) != (samples, lines) {
                let what = format!("holds maps of {samples} x {lines} and {width} x {height} pixels");
                return Err(Error::refused(folder.display(), what).hint("they are of several runs: map again"));
            }
        }
        let areas = PixelAreas::of(&map.grid, lines, samples)?;
        let least = match (settings.min_area_m2, &areas) {
            (Some(m2), Some(_)) => area::sum_of_m2(m2),
            (Some(_), None) => {
                return Err(Error::refused(
                    "--min-area",
                    "the map has no CRS, so it is not known how large a pixel is",
                )
                .hint("leave it out: nine pixels are the least then"));
            }
            (None, _) => u128::from(LEAST_PIXELS),
        };
        let of_survey = |evidence: &Evidence| {
            let raster = Resampled::open(&evidence.path, &map)?;
            Ok(Survey { raster, evidence: evidence.clone() })
        };
        let nodata = |lines: &RasterReader| lines.nodata(0).map_or(u16::MAX, |v| v as u16);
        Ok(Self {
            smaller_is_better: method.better(0.0, 1.0),
            unit: of_method.unit.clone(),
            group_nodata: nodata(&group),
            strip: settings.strip_lines.unwrap_or(STRIP).max(1),
            majority: settings.majority,
            thresholds,
            of_class: of_method.classes.iter().map(|c| (c.value, c)).collect(),
            surveys: settings.evidence.iter().map(of_survey).collect::<Result<_>>()?,
            run,
            method,
            by,
            group,
            classes,
            scores,
            others,
            map,
            areas,
            least,
            by_size: settings.min_area_m2.is_some(),
        })
    }

    fn strips(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (lines, strip) = (self.map.lines, self.strip);
        (0..lines).step_by(strip).map(move |y| (y, strip.min(lines - y)))
    }

    /// The cleaned values of some lines; 0 for no group and for no data.
    fn cleaned(&self, y: usize, height: usize) -> Result<Vec<u16>> {
        let width = self.map.samples;
        let (top, bottom) =
            if self.majority { (y.saturating_sub(1), (y + height + 1).min(self.map.lines)) } else { (y, y + height) };
        let read = self.group.read::<u16>(0, self.group.lines(top, bottom - top))?;
        let line = |y: usize| read.get((y - top) * width..(y - top + 1) * width);
        let mut out = Vec::with_capacity(height * width);
        for y in y..y + height {
            let here = line(y).unwrap_or_default();
            match self.majority {
                true => {
                    let (above, below) = (if y > top { line(y - 1) } else { None }, line(y + 1));
                    out.extend(super::clean::majority(above, here, below, self.group_nodata));
                }
                false => out.extend_from_slice(here),
            }
        }
        out.iter_mut().filter(|v| **v == self.group_nodata).for_each(|v| *v = 0);
        Ok(out)
    }

    /// Connects pixels; provisional labels lie in a file.
    fn connect(&self, folder: &Path, settings: &Settings) -> Result<(BufReader<File>, Settled)> {
        let failed = |e: std::io::Error| Error::io(folder, "writing labels in it", &e);
        let mut labeller = Labeller::new(self.map.samples, settings.diagonal);
        let mut file = BufWriter::new(tempfile::tempfile_in(folder).map_err(failed)?);
        let mut sizes = vec![1; self.map.samples];
        for (y, height) in self.strips() {
            let values = self.cleaned(y, height)?;
            for (line, values) in (y..).zip(values.chunks_exact(self.map.samples)) {
                if let Some(areas) = self.areas.as_ref().filter(|_| self.by_size) {
                    areas.line(line, 0, &mut sizes);
                }
                file.write_all(bytemuck::cast_slice(&labeller.line(values, &sizes))).map_err(failed)?;
            }
        }
        let mut file = file.into_inner().map_err(|e| failed(e.into_error()))?;
        file.rewind().map_err(failed)?;
        Ok((BufReader::new(file), labeller.settle(self.least)))
    }

    /// What lies in each area, in the order of their numbers.
    fn gather(&self, settled: &Settled, labels: &mut impl Read, numbered: &mut Numbered) -> Result<Vec<Sums>> {
        let ranges = self.surveys.iter().map(|s| self.range(s)).collect::<Result<Vec<_>>>()?;
        let mut sums: Vec<Sums> = (0..settled.kept).map(|_| Sums::new(self.surveys.len())).collect();
        let width = self.map.samples;
        for (y, height) in self.strips() {
            let mut here = vec![0_u32; width * height];
            labels.read_exact(bytemuck::cast_slice_mut(&mut here)).map_err(|e| Error::failed("labels of areas", e))?;
            here.iter_mut().for_each(|label| *label = settled.numbers[*label as usize]);
            numbered.write(y, bytemuck::cast_slice(&here))?;
            let cleaned = self.cleaned(y, height)?;
            let strip = self.classes.lines(y, height);
            let group = self.group.read::<u16>(0, strip)?;
            let classes = self.classes.read::<u16>(0, strip)?;
            let (score, margin) = (self.scores.read::<f32>(0, strip)?, self.scores.read::<f32>(1, strip)?);
            let others =
                self.others.iter().map(|(raster, _)| raster.read::<u16>(0, strip)).collect::<Result<Vec<_>>>()?;
            let sources = self.thresholds.sources(y, height)?;
            let surveys = self.surveys.iter().map(|s| s.raster.read(y, height)).collect::<Result<Vec<_>>>()?;
            let mut sizes = vec![0; here.len()];
            if let Some(areas) = &self.areas {
                (y..).zip(sizes.chunks_exact_mut(width)).for_each(|(line, row)| areas.line(line, 0, row));
            }
            for (p, &number) in here.iter().enumerate().filter(|(_, n)| **n > 0) {
                let to = &mut sums[number as usize - 1];
                let line = y + p / width;
                to.pixels += 1;
                to.group = cleaned[p];
                to.size += u128::from(sizes[p]);
                to.x += (p % width) as f64 + 0.5;
                to.y += line as f64 + 0.5;
                *to.classes.entry(classes[p]).or_default() += 1;
                if group[p] == cleaned[p] {
                    let class = self.of_class.get(&classes[p]);
                    if let Some(threshold) = self.thresholds.of(classes[p], &sources, p) {
                        to.score(f64::from(score[p]), f64::from(margin[p]), threshold, self.smaller_is_better);
                    }
                    for ((_, known), theirs) in self.others.iter().zip(&others) {
                        to.asked += 1;
                        to.agreed += u64::from(self.agrees(to.group, class.map(|c| c.name.as_str()), known, theirs[p]));
                    }
                }
                for ((sum, survey), (low, high)) in to.surveys.iter_mut().zip(&surveys).zip(&ranges) {
                    let share = ((f64::from(survey[p]) - low) / (high - low)).clamp(0.0, 1.0);
                    if share.is_finite() {
                        *sum = (sum.0 + share, sum.1 + 1);
                    }
                }
            }
        }
        Ok(sums)
    }

    /// Whether another method's class is of the same zone, or the same mineral.
    fn agrees(&self, group: u16, mineral: Option<&str>, known: &[Class], theirs: u16) -> bool {
        let Some(theirs) = known.iter().find(|c| c.value == theirs) else { return false };
        match self.by {
            By::Mineral => mineral == Some(theirs.name.as_str()),
            By::Zone => self.run.zones.iter().any(|z| z.value == group && z.targets.contains(&theirs.name)),
        }
    }

    /// The 2nd and 98th percentile of a survey over the map.
    fn range(&self, survey: &Survey) -> Result<(f64, f64)> {
        let every = self.map.pixels().div_ceil(SAMPLED).max(1) as usize;
        let mut values = Vec::new();
        for (y, height) in self.strips() {
            let first = y * self.map.samples;
            let read = survey.raster.read(y, height)?;
            let skip = (every - first % every) % every;
            values.extend(read.into_iter().skip(skip).step_by(every).filter(|v| v.is_finite()));
        }
        if values.is_empty() {
            return Err(Error::refused(survey.evidence.path.display(), "has no data anywhere on the map")
                .hint("look at its CRS and extent with `gdalinfo`"));
        }
        values.sort_by(f32::total_cmp);
        let at = |share: f64| f64::from(values[((values.len() - 1) as f64 * share).round() as usize]);
        Ok((at(0.02), at(0.98)))
    }

    fn area(&self, sums: Sums, polygons: Vec<Vec<u8>>, globe: Option<&ToGlobe>, settings: &Settings) -> Area {
        let pixels = sums.pixels as f64;
        let zone = self.run.zones.iter().find(|z| self.by == By::Zone && z.value == sums.group);
        let (class, of_class) = match self.by {
            By::Mineral => (sums.group, sums.classes.get(&sums.group).copied().unwrap_or(0)),
            // Of zones, the commonest mineral that the zone is known by.
            By::Zone => {
                let named = |value: &u16| {
                    let name = self.of_class.get(value).map(|c| &c.name);
                    name.is_some_and(|name| zone.is_some_and(|z| z.targets.contains(name)))
                };
                let known = sums.classes.iter().filter(|(value, _)| named(value));
                known
                    .max_by_key(|(value, count)| (**count, std::cmp::Reverse(**value)))
                    .map_or((0, 0), |(v, n)| (*v, *n))
            }
        };
        let scored = (sums.scored > 0).then_some(sums.scored as f64);
        let area_m2 = self.areas.is_some().then(|| area::m2(sums.size));
        let shares = [
            rank::size(area_m2),
            scored.map(|n| sums.strength / n),
            scored.map(|n| sums.margin / n),
            zone.map(|z| z.weight),
            (sums.asked > 0).then(|| sums.agreed as f64 / sums.asked as f64),
        ];
        let evidence: Vec<Option<f64>> = sums
            .surveys
            .iter()
            .zip(&settings.evidence)
            .map(|((sum, n), evidence)| {
                let share = (*n > 0).then(|| sum / *n as f64)?;
                Some(if evidence.weight < 0.0 { 1.0 - share } else { share })
            })
            .collect();
        let weighted = shares.iter().copied().zip(settings.weights.0);
        let weighted = weighted.chain(evidence.iter().copied().zip(settings.evidence.iter().map(|e| e.weight)));
        let (x, y) = (sums.x / pixels, sums.y / pixels);
        let [x0, a, b, y0, c, d] = self.map.grid.geotransform.unwrap_or([0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let centroid = [x0 + a * x + b * y, y0 + c * x + d * y];
        Area {
            rank: 0,
            score: rank::total(weighted),
            zone: zone.map(|z| z.name.clone()),
            mineral: self.of_class.get(&class).map(|c| c.name.clone()),
            mineral_share: of_class as f64 / pixels,
            pixels: sums.pixels,
            area_m2,
            mean_score: scored.map(|n| sums.scores / n),
            best_score: scored.map(|_| sums.best),
            lon_lat: globe.and_then(|globe| globe.lon_lat(centroid)),
            centroid,
            shares,
            evidence,
            polygons,
        }
    }
}

/// What lies in an area.
#[derive(Debug, Clone)]
struct Sums {
    group: u16,
    pixels: u64,
    /// The sum of the pixels' areas.
    size: u128,
    /// Of the centres, in pixels.
    x: f64,
    y: f64,
    classes: BTreeMap<u16, u64>,
    /// Pixels that are of the area by themselves and have a score.
    scored: u64,
    scores: f64,
    best: f64,
    strength: f64,
    margin: f64,
    /// Answers of other methods.
    asked: u64,
    agreed: u64,
    /// Of each survey, its sum and pixels.
    surveys: Vec<(f64, u64)>,
}

impl Sums {
    fn new(surveys: usize) -> Self {
        Self {
            group: 0,
            pixels: 0,
            size: 0,
            x: 0.0,
            y: 0.0,
            classes: BTreeMap::new(),
            scored: 0,
            scores: 0.0,
            best: f64::NAN,
            strength: 0.0,
            margin: 0.0,
            asked: 0,
            agreed: 0,
            surveys: vec![(0.0, 0); surveys],
        }
    }

    fn score(&mut self, score: f64, margin: f64, threshold: f64, smaller_is_better: bool) {
        self.scored += 1;
        self.scores += score;
        self.best = if smaller_is_better { self.best.min(score) } else { self.best.max(score) };
        self.strength += rank::strength(score, threshold, smaller_is_better);
        self.margin += rank::margin(margin, score, threshold, smaller_is_better);
    }
}
