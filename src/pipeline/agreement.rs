//! Whether two backends made the same maps.

use std::path::PathBuf;

use super::grounds::Grounds;
use super::part::Parts;
use super::plan::Plan;
use crate::background::FactorFacts;
use crate::compute::{MapScores, Scores};
use crate::error::{Error, Result};
use crate::tile::Window;

/// By how much the scores of a method that whitens may differ, as a share of the largest in the tile: the energy of a
/// pixel is the device's own f32, which each backend has within 1e-5 (`tests/agreement.rs`) up to this condition number.
/// Beyond, whitening magnifies what f32 rounds by the root of it. All else is the same to the bit.
const WHITENED: f64 = 2e-5;
const CONDITION: f64 = 1e7;

fn whitened_bound(grounds: Option<&Grounds>) -> f32 {
    // Shrinkage by α leaves no eigenvalue of a correlation matrix below α, and the largest is at most its trace.
    let condition = |f: &FactorFacts| f.condition.unwrap_or(f64::INFINITY).min(f.bands as f64 / f.shrinkage);
    let worst = grounds.iter().flat_map(|g| &g.factors).map(condition).fold(CONDITION, f64::max);
    (WHITENED * (worst / CONDITION).sqrt()) as f32
}

/// Compares the parts in two folders, each with the label of what made them.
///
/// # Errors
/// When a part is missing, and with the first pixel that is mapped otherwise.
pub(super) fn agree(plan: &Plan, one: &(String, PathBuf), other: &(String, PathBuf)) -> Result<()> {
    let open = |(_, folder): &(String, PathBuf)| Parts::open(folder, plan.identity());
    let (a, b) = (open(one)?, open(other)?);
    let whitened = whitened_bound(plan.background.as_ref());
    for (index, &window) in plan.windows.iter().enumerate() {
        let read = |parts: &Parts| {
            parts
                .read_scores(index, window, &plan.shape())
                .ok_or_else(|| Error::failed(parts.folder().display(), format!("part {index} is missing or damaged")))
        };
        let (a, b) = (read(&a)?.scores, read(&b)?.scores);
        for ((planned, a), b) in plan.methods.iter().zip(&a.maps).zip(&b.maps) {
            let bound = if planned.method.whitens() { whitened } else { 0.0 };
            if let Some(pixel) = difference(a, b, bound) {
                let place = place(window, pixel);
                let says = |map: &MapScores| verdict(map, pixel, &plan.targets);
                let what = format!("{}, {place}: {} where {} has {}", planned.word, says(b), one.0, says(a));
                return Err(Error::failed(&other.0, what)
                    .hint("do not use this device; please report it with this line and `alunite devices --json`"));
            }
        }
    }
    Ok(())
}

/// The first pixel of which two maps do not say the same; `bound` is a share of the largest score.
fn difference(a: &MapScores, b: &MapScores, bound: f32) -> Option<usize> {
    // The largest of numbers and NaN is a number.
    let bound = bound * a.score.iter().fold(0.0, |most: f32, s| most.max(s.abs()));
    let differ = |(a, b): (&f32, &f32)| !((a - b).abs() <= bound || (a.is_nan() && b.is_nan()));
    let numbers = [(&a.score, &b.score), (&a.margin, &b.margin)];
    let numbers = numbers.into_iter().filter_map(|(a, b)| a.iter().zip(b).position(differ));
    let names = [(&a.best, &b.best), (&a.runner_up, &b.runner_up)];
    let names = names.into_iter().filter_map(|(a, b)| a.iter().zip(b).position(|(a, b)| a != b));
    numbers.chain(names).min()
}

/// What a map says of a pixel.
fn verdict(map: &MapScores, pixel: usize, targets: &[String]) -> String {
    let score = map.score[pixel];
    let name = |index: u16| targets.get(usize::from(index)).map_or("nothing", String::as_str);
    match (map.best.get(pixel), map.runner_up.get(pixel)) {
        (Some(&Scores::NODATA), _) => "no data".to_owned(),
        (Some(&best), Some(&second)) => format!("{} at {score}, then {}", name(best), name(second)),
        _ => format!("{score}"),
    }
}

fn place(window: Window, pixel: usize) -> String {
    format!("line {}, sample {}", window.y + pixel / window.width + 1, window.x + pixel % window.width + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> MapScores {
        MapScores {
            best: vec![0, 1, Scores::NODATA],
            runner_up: vec![1, 0, Scores::NODATA],
            score: vec![0.5, 0.25, f32::NAN],
            margin: vec![0.125, 0.25, f32::NAN],
            rules: Vec::new(),
        }
    }

    #[test]
    fn the_first_pixel_that_differs_is_found() {
        let found = |change: &dyn Fn(&mut MapScores), bound: f32| {
            let mut other = map();
            change(&mut other);
            difference(&map(), &other, bound)
        };
        assert_eq!(found(&|_| {}, 0.0), None);
        assert_eq!(found(&|m| m.best[1] = 0, 1.0), Some(1));
        assert_eq!(found(&|m| m.runner_up[0] = 2, 1.0), Some(0));
        assert_eq!(found(&|m| m.margin[1] = 0.250_001, 0.0), Some(1));
        assert_eq!(found(&|m| m.score[2] = 0.0, 1.0), Some(2), "data where there is none");
        let near = |m: &mut MapScores| m.score[1] += 1e-5;
        assert_eq!((found(&near, 1e-5), found(&near, 1e-4)), (Some(1), None), "shares of 0.5");
    }

    #[test]
    fn a_background_that_is_nearly_singular_costs_digits() {
        let with = |condition: Option<f64>, shrinkage: f64| {
            let (reason, constant_bands) = ("", Vec::new());
            let facts = FactorFacts {
                matrix: "covariance",
                pixels: 9,
                bands: 10,
                constant_bands,
                effective_rank: 9,
                condition,
                shrinkage,
                reason,
            };
            let (background, identity) = (String::new(), String::new());
            whitened_bound(Some(&Grounds {
                background,
                pixels: 9,
                groups: 1,
                empty_groups: 0,
                factors: vec![facts],
                identity,
            }))
        };
        assert_eq!(whitened_bound(None), 2e-5);
        assert_eq!(with(Some(100.0), 0.0), 2e-5);
        assert_eq!(with(Some(4e7), 0.0), 4e-5);
        assert_eq!(with(None, 1e-8), 2e-4, "10 / 1e-8 is 1e9");
    }
}
