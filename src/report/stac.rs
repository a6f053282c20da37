//! The STAC item of a run: what its files are, where they lie, and how to tell that they are whole.
//!
//! STAC 1.1.0 with the extensions classification, file, processing, projection and raster. `datetime` is when the map was
//! made (the time of `run.json`): no stage of a run knows when the scene was taken.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::run::{Class, Method, Run};
use super::text::{short, shortened};
use crate::error::{Error, Result};
use crate::map::{BandFacts, Footprint, Legend, LegendEntry, PixelAreas, RasterReader};

const EXTENSIONS: [&str; 5] = [
    "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
];

const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";
const JSON: &str = "application/json";
const XML: &str = "application/xml";

/// The item of a run's folder; `None` for maps without a place on the Earth.
///
/// # Errors
/// When a file of the run cannot be read, or PROJ cannot tell where the map lies.
pub(super) fn item(folder: &Path, run: &Run) -> Result<Option<Value>> {
    let grid = run.map();
    let Some(footprint) = Footprint::of(&grid)? else { return Ok(None) };
    let areas = PixelAreas::of(&grid.grid, grid.lines, grid.samples)?;
    let metres = areas.map(|areas| areas.side_m(grid.lines / 2, grid.samples / 2));
    let assets = Assets { folder, metres, found: Map::new() }.all(run)?;
    let polygon =
        |ring: &Vec<(f64, f64)>| vec![ring.iter().map(|&(lon, lat)| [degrees(lon), degrees(lat)]).collect::<Vec<_>>()];
    let geometry = match &footprint.rings[..] {
        [ring] => json!({"type": "Polygon", "coordinates": polygon(ring)}),
        rings => json!({"type": "MultiPolygon", "coordinates": rings.iter().map(polygon).collect::<Vec<_>>()}),
    };
    let made = made(&folder.join("run.json"))?;
    let words: Vec<&str> = run.maps.iter().map(|m| m.method.as_str()).collect();
    let scene = run.subject();
    let lineage: Vec<String> =
        run.maps.iter().map(|m| format!("{}: {}", m.title, shortened(&m.convention, 400))).collect();
    let mut properties = json!({
        "title": format!("Mineral map of {}", short(&scene)),
        "description": "Minerals mapped from a hyperspectral scene. datetime is when the map was made, not when the scene was taken; the geometry is the outline of the raster.",
        "datetime": made,
        "created": made,
        "processing:software": {"alunite": run.alunite},
        "processing:datetime": made,
        "processing:lineage": lineage.join("\n"),
        "proj:code": footprint.code,
        "proj:shape": [grid.lines, grid.samples],
    });
    if let Some(g) = grid.grid.geotransform {
        properties["proj:transform"] = json!([g[1], g[2], g[0], g[4], g[5], g[3]]);
    }
    if footprint.code.is_none() {
        properties["proj:wkt2"] = json!(grid.grid.crs_wkt);
    }
    Ok(Some(json!({
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": EXTENSIONS,
        "id": slug(&format!("{scene}-{}", words.join("-"))),
        "geometry": geometry,
        "bbox": footprint.bounds().map(degrees),
        "properties": properties,
        "links": [],
        "assets": assets,
    })))
}

/// A tenth of a millimetre on the ground.
fn degrees(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

fn made(file: &Path) -> Result<String> {
    let modified = std::fs::metadata(file).and_then(|facts| facts.modified()).map_err(|e| Error::unopened(file, &e))?;
    Ok(humantime::format_rfc3339_seconds(modified).to_string())
}

/// The files of a run.
struct Assets<'a> {
    folder: &'a Path,
    /// The side of a pixel.
    metres: Option<f64>,
    found: Map<String, Value>,
}

impl Assets<'_> {
    fn all(mut self, run: &Run) -> Result<Map<String, Value>> {
        for method in &run.maps {
            let (word, title) = (&method.method, &method.title);
            let classes = (!method.classes.is_empty()).then(|| class_list(method));
            self.styled(&format!("{word}_classes"), &format!("{title}: classes"), classes.clone())?;
            self.styled(&format!("{word}_runner_up"), &format!("{title}: second best classes"), classes)?;
            self.styled(&format!("{word}_source"), &format!("{title}: scene of each pixel"), sources(run)?)?;
            self.raster(&format!("{word}_scores"), &format!("{title}: scores"), None)?;
            let rates = format!("{title}: rate of false alarms of each pixel");
            self.raster(&format!("{word}_false_alarms"), &rates, None)?;
            self.raster(&format!("{word}_rules"), &format!("{title}: score of every target"), None)?;
        }
        self.styled("alteration", "Alteration zones", zones(run))?;
        let layer = "application/geopackage+sqlite3";
        self.file("targets", "targets.gpkg", "Ground worth walking", (layer, "data"))?;
        self.file("quicklook", "quicklook.png", "Picture of the map", ("image/png", "overview"))?;
        self.file("report", "report.html", "Report", ("text/html", "overview"))?;
        self.file("spectra", "spectra.json", "Mean spectra of the classes", (JSON, "metadata"))?;
        self.file("run", "run.json", "How the map was made", (JSON, "metadata"))?;
        Ok(self.found)
    }

    /// A raster of classes, with its names and areas and its style.
    fn styled(&mut self, key: &str, title: &str, classes: Option<Vec<Value>>) -> Result<()> {
        self.raster(key, title, classes)?;
        let (names, style) = (format!("{title}, names and areas"), format!("{title}, style for QGIS"));
        self.file(&format!("{key}_names"), &format!("{key}.tif.aux.xml"), &names, (XML, "metadata"))?;
        self.file(&format!("{key}_style"), &format!("{key}.qml"), &style, (XML, "metadata"))?;
        Ok(())
    }

    /// A file, with its media type and role, if it is there; whether it is.
    fn file(&mut self, key: &str, name: &str, title: &str, (media, role): (&str, &str)) -> Result<bool> {
        let path = self.folder.join(name);
        if !path.exists() {
            return Ok(false);
        }
        let (bytes, checksum) = checksum(&path)?;
        let asset = json!({
            "href": format!("./{name}"),
            "title": short(title),
            "type": media,
            "roles": [role],
            "file:size": bytes,
            "file:checksum": checksum,
        });
        self.found.insert(key.into(), asset);
        Ok(true)
    }

    fn raster(&mut self, key: &str, title: &str, classes: Option<Vec<Value>>) -> Result<()> {
        let name = format!("{key}.tif");
        if !self.file(key, &name, title, (COG, "data"))? {
            return Ok(());
        }
        let raster = RasterReader::open(&self.folder.join(name))?;
        let named = |(i, band): (usize, &BandFacts)| json!({"name": (i + 1).to_string(), "description": short(&band.description)});
        let facts: Vec<Value> = raster.bands.iter().map(|band| self.band(band)).collect();
        let asset = &mut self.found[key];
        asset["bands"] = raster.bands.iter().enumerate().map(named).collect();
        asset["raster:bands"] = facts.into();
        if let Some(classes) = classes {
            asset["classification:classes"] = classes.into();
        }
        Ok(())
    }

    fn band(&self, band: &BandFacts) -> Value {
        let mut facts = json!({"data_type": band.data_type, "sampling": "area"});
        if let Some(nodata) = band.nodata {
            facts["nodata"] = json!(nodata);
        }
        if !band.unit.is_empty() {
            facts["unit"] = json!(short(&band.unit));
        }
        if let Some(metres) = self.metres {
            facts["spatial_resolution"] = json!((metres * 1e4).round() / 1e4);
        }
        facts
    }
}

/// Unclassified, the zones.
fn zones(run: &Run) -> Option<Vec<Value>> {
    let zones = run.zones.iter().map(|z| class((z.value, &z.name, z.color), Some(z.pixels)));
    (!run.zones.is_empty()).then(|| unique([nothing(0, "unclassified", false)].into_iter().chain(zones).collect()))
}

/// The scenes of a mosaic.
fn sources(run: &Run) -> Result<Option<Vec<Value>>> {
    let names: Vec<String> = run.scenes.iter().map(|scene| scene.name.clone()).collect();
    let legend = Legend::of_scenes(&names)?;
    let source = |entry: &LegendEntry| class((entry.value, &entry.name, entry.color), None);
    Ok((!names.is_empty()).then(|| unique(legend.entries.iter().map(source).collect())))
}

/// Unclassified, the minerals, no data.
fn class_list(method: &Method) -> Vec<Value> {
    let named = |c: &Class| class((c.value, &c.name, c.color), None);
    let minerals = method.classes.iter().map(named);
    let ends = [nothing(0, "unclassified", false), nothing(method.nodata(), "nodata", true)];
    let [first, last] = ends;
    unique([first].into_iter().chain(minerals).chain([last]).collect())
}

fn class((value, name, color): (u16, &str, [u8; 3]), pixels: Option<u64>) -> Value {
    let [r, g, b] = color;
    let mut class = json!({"value": value, "name": slug(name), "title": short(name), "description": short(name), "color_hint": format!("{r:02X}{g:02X}{b:02X}")});
    if let Some(pixels) = pixels {
        class["count"] = json!(pixels);
    }
    class
}

fn nothing(value: u16, name: &str, nodata: bool) -> Value {
    let title = if nodata { "no data" } else { name };
    json!({"value": value, "name": name, "title": title, "description": title, "nodata": nodata})
}

/// Names with the class value where another class has the same.
fn unique(mut classes: Vec<Value>) -> Vec<Value> {
    let mut seen = std::collections::HashSet::new();
    for class in &mut classes {
        let name = class["name"].as_str().unwrap_or_default().to_owned();
        if !seen.insert(name.clone()) {
            let other = format!("{name}-{}", class["value"]);
            seen.insert(other.clone());
            class["name"] = json!(other);
        }
    }
    classes
}

/// Letters, digits, `-` and `_`: what STAC takes for a name.
fn slug(text: &str) -> String {
    let plain: String =
        short(text).chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|p| !p.is_empty()).collect();
    if parts.is_empty() { "unnamed".into() } else { parts.join("-") }
}

/// Size and SHA-256 of a file, as a multihash in hexadecimal: 0x12 (sha2-256), 0x20 (32 bytes), the hash.
fn checksum(path: &Path) -> Result<(u64, String)> {
    let failed = |e: std::io::Error| Error::io(path, "reading", &e);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hasher, mut piece, mut bytes) = (Sha256::new(), vec![0; 256 << 10], 0);
    loop {
        match file.read(&mut piece).map_err(failed)? {
            0 => break,
            n => {
                hasher.update(&piece[..n]);
                bytes += n as u64;
            }
        }
    }
    let hash: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, format!("1220{hash}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_a_multihash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        // FIPS 180-4, the example of one block.
        let expected = "1220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(checksum(&path).unwrap(), (3, expected.to_owned()));
    }

    #[test]
    fn names_are_plain_and_none_is_there_twice() {
        assert_eq!(
            ["<script>", "Kaolinite KGa-1 (good)", "\n\"'"].map(slug),
            ["script", "Kaolinite-KGa-1-good", "unnamed"]
        );
        let classes =
            unique(["a b", "a-b", "c"].iter().enumerate().map(|(i, n)| class((i as u16, n, [0; 3]), None)).collect());
        let names: Vec<_> = classes.iter().map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a-b", "a-b-1", "c"]);
    }
}
