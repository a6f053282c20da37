//! What the user says of a mosaic, and what is wrong with it before anything is read.

use std::str::FromStr;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::methods::{self, Needs};
use crate::pipeline::geometry::Geometry;
use crate::pipeline::request::Request;

/// Which scene a pixel of a mosaic shows, of those that have data there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The one whose score is best in the method's own sense; of equal ones the first.
    #[default]
    Best,
    /// The first on the command line.
    First,
    /// The last on the command line.
    Last,
}

/// Whose statistics the scenes of a mosaic are set against, and whose background thresholds from false alarms follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Each scene's own.
    #[default]
    PerScene,
    /// Those of the pixels of all scenes together.
    Pooled,
}

/// The sides of a pixel in units of the CRS, written `30` or `30,20`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Resolution(pub [f64; 2]);

impl FromStr for Resolution {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let sides = numbers(text).map(|n| match n[..] {
            [side] => [side, side],
            [x, y] => [x, y],
            _ => [f64::NAN; 2],
        });
        match sides {
            Some([x, y]) if x > 0.0 && y > 0.0 && x.is_finite() && y.is_finite() => Ok(Self([x, y])),
            _ => Err(Error::refused(format!("resolution '{text}'"), "is not one or two lengths above 0")
                .hint("write 30, or 30,20 for pixels 30 wide and 20 high")),
        }
    }
}

/// A rectangle in units of the CRS, written `xmin,ymin,xmax,ymax`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Extent(pub [f64; 4]);

impl FromStr for Extent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let four: Option<[f64; 4]> = numbers(text).and_then(|n| n.try_into().ok());
        match four {
            Some([left, bottom, right, top]) if left < right && bottom < top => Ok(Self([left, bottom, right, top])),
            _ => Err(Error::refused(format!("extent '{text}'"), "is not a rectangle")
                .hint("write xmin,ymin,xmax,ymax in units of the CRS, such as 300000,4100000,360000,4160000")),
        }
    }
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|n| n.trim().parse().ok().filter(|v: &f64| v.is_finite())).collect()
}

/// How a mosaic is laid out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// Which scene a pixel shows where several have data; [`Overlap::Best`] unless given.
    pub overlap: Option<Overlap>,
    /// The CRS as the user names it: EPSG code, WKT or a file; the first scene's unless given.
    pub crs: Option<String>,
    /// The sides of a pixel; the first scene's unless given, where that fits.
    pub resolution: Option<Resolution>,
    /// What is covered; all scenes unless given.
    pub extent: Option<Extent>,
    /// Whose statistics are used; [`Sharing::PerScene`] unless given.
    pub sharing: Option<Sharing>,
}

impl Layout {}

/// Refuses options that do not go together. Gives the first request, which differs from the others in its scene alone.
pub(super) fn check<'a>(requests: &'a [Request], layout: &Layout) -> Result<&'a Request> {
    let Some(request) = requests.first() else {
        return Err(Error::refused("SCENE", "none was named").hint("name one or more scenes"));
    };
    match requests.len() {
        1 => check_alone(layout)?,
        scenes => check_several(request, scenes)?,
    }
    if request.geometry == Some(Geometry::Swath) {
        return Err(Error::refused("--geometry swath", "has no place on the ground, which a mosaic needs")
            .hint("leave --geometry out"));
    }
    layout.sharing.map_or(Ok(()), |sharing| check_sharing(request, sharing))?;
    Ok(request)
}

fn check_alone(layout: &Layout) -> Result<()> {
    for (flag, given) in [("--overlap", layout.overlap.is_some()), ("--statistics", layout.sharing.is_some())] {
        if given {
            return Err(Error::refused(flag, "is of several scenes, and one was named")
                .hint("leave it out, or name more scenes"));
        }
    }
    Ok(())
}

fn check_several(request: &Request, scenes: usize) -> Result<()> {
    if request.background.mask.is_none() {
        return Ok(());
    }
    let what = format!("is on one scene's grid, and {scenes} scenes were named");
    Err(Error::refused("--background-mask", what)
        .hint("make statistics of each with `alunite stats --background-mask`, merge them, and pass them with --stats"))
}

fn check_sharing(request: &Request, sharing: Sharing) -> Result<()> {
    let refused = |what: &str, hint: &str| Err(Error::refused("--statistics", what).hint(hint));
    let needs = |word: &String| methods::find(word).is_none_or(|m| m.needs() != Needs::Nothing);
    if !request.methods.iter().any(needs) && request.false_alarms.is_empty() {
        let next = "leave it out, add mf, ace, cem or rx to --method, or ask for --false-alarms";
        return refused("no method needs any", next);
    }
    if sharing == Sharing::PerScene {
        return Ok(());
    }
    let choice = &request.background;
    if choice.file.is_some() {
        return refused("--stats names statistics that were made before", "leave one of the two out");
    }
    if choice.columns.is_some() {
        let what = "detector columns belong to one scene, and their statistics are not pooled";
        return refused(what, "leave --background columns:N or --statistics pooled out");
    }
    if choice.exclude_targets.is_some() {
        let what = "--exclude-targets looks for the highest scores of one scene";
        return refused(what, "leave --exclude-targets or --statistics pooled out");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_rectangles_are_read_strictly() {
        assert_eq!("30".parse::<Resolution>().unwrap(), Resolution([30.0, 30.0]));
        assert_eq!(" 30, 0.5".parse::<Resolution>().unwrap(), Resolution([30.0, 0.5]));
        for bad in ["", "0", "-30", "30,", "NaN", "inf", "30,20,10", "30m"] {
            assert!(bad.parse::<Resolution>().is_err(), "{bad}");
        }
        assert_eq!("1,-2,3.5,4".parse::<Extent>().unwrap(), Extent([1.0, -2.0, 3.5, 4.0]));
        for bad in ["", "1,2,3", "3,2,1,4", "1,4,3,2", "1,2,inf,4", "1 2 3 4", "1,2,1,4"] {
            assert!(bad.parse::<Extent>().is_err(), "{bad}");
        }
    }
}
