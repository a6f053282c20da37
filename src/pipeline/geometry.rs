//! Whose pixels the maps have: the swath's, or those of the map that a lookup table leads to.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::grid::MapGrid;
use crate::scene::Scene;

/// The geometry of maps made of a swath.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Geometry {
    /// The product's map: each of its pixels shows the pixel of the swath that the lookup table names.
    Map,
    /// Lines and samples as the sensor saw them, without a place on the ground.
    Swath,
}

/// The geometry of a scene's maps, and the raster that they then have. `None` for a scene without a lookup table, whose
/// maps lie on its own grid.
///
/// # Errors
/// Refuses `--geometry map` where there is no table, and a table that cannot be used.
pub(super) fn choose(
    scene: &Scene,
    asked: Option<Geometry>,
    notes: &mut Vec<String>,
) -> Result<(Option<Geometry>, MapGrid)> {
    let described = &scene.description;
    let own = MapGrid { samples: described.samples, lines: described.lines, grid: described.grid.clone() };
    if asked == Some(Geometry::Swath) {
        let has_table = !matches!(described.lookup, Ok(None));
        return Ok((has_table.then_some(Geometry::Swath), own));
    }
    let Some(map) = described.lookup.clone()? else {
        return match asked {
            Some(Geometry::Map) => {
                Err(Error::refused("--geometry", "map needs a lookup table, and the scene has none")
                    .hint("leave --geometry out: maps lie on the scene's own grid"))
            }
            _ => Ok((None, own)),
        };
    };
    let shown = scene.check_lookup()?.unwrap_or_default();
    let share = 100.0 * shown as f64 / map.pixels() as f64;
    let default = if asked.is_none() { " (the default; --geometry swath keeps the swath)" } else { "" };
    notes.push(format!(
        "geometry map{default}: results are gathered through the lookup table, nearest pixel, onto {} x {} pixels, of \
         which {share:.0} % show the swath",
        map.lines, map.samples
    ));
    Ok((Some(Geometry::Map), map))
}
