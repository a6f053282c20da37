//! The files of a made scene, other than the cube's pixels.

use std::io::{self, Write};
use std::path::Path;

use super::minerals::{ALL, BACKGROUNDS, native_nm};
use super::{Settings, Truth, sensor};
use crate::error::Result;
use crate::files::whole_file;
use crate::spectrum::Bands;

/// Stored value of pixels outside the swath.
pub(super) const NODATA: f32 = -9999.0;

/// UTM zone 38N (EPSG:32638), the Lesser Caucasus; EMIT's 60 m pixels.
const MAP_INFO: &str = "{UTM, 1, 1, 585000, 4365000, 60, 60, 38, North, WGS-84, units=Meters}";
const CRS: &str = concat!(
    "{PROJCS[\"WGS_1984_UTM_Zone_38N\",GEOGCS[\"GCS_WGS_1984\",DATUM[\"D_WGS_1984\",",
    "SPHEROID[\"WGS_1984\",6378137.0,298.257223563]],PRIMEM[\"Greenwich\",0.0],",
    "UNIT[\"Degree\",0.0174532925199433]],PROJECTION[\"Transverse_Mercator\"],",
    "PARAMETER[\"False_Easting\",500000.0],PARAMETER[\"False_Northing\",0.0],",
    "PARAMETER[\"Central_Meridian\",45.0],PARAMETER[\"Scale_Factor\",0.9996],",
    "PARAMETER[\"Latitude_Of_Origin\",0.0],UNIT[\"Meter\",1.0]]}"
);

/// The modelled library: 1 nm steps, minerals and backgrounds.
pub(super) fn library(path: &Path) -> Result<()> {
    whole_file(path, |out| {
        let mut table = csv::Writer::from_writer(out);
        let materials = || ALL.iter().chain(&BACKGROUNDS);
        table.write_record(std::iter::once("wavelength_nm").chain(materials().map(|m| m.name)))?;
        for nm in native_nm() {
            let values = materials().map(|m| format!("{:.5}", m.reflectance(nm)));
            table.write_record(std::iter::once(nm.to_string()).chain(values))?;
        }
        table.flush()
    })
}

/// The header of a cube; `about` says in a line what it is.
pub(super) fn scene_header(path: &Path, about: &str, settings: &Settings, bands: &Bands) -> Result<()> {
    let nm = |list: &[crate::spectrum::Nanometers]| joined(list.iter().map(|v| format!("{:.4}", v.0)));
    let flags = joined(sensor::good(bands).into_iter().map(|good| u8::from(good).to_string()));
    whole_file(&path.with_extension("hdr"), |out| {
        header(out, about, settings, bands.len(), "bil")?;
        writeln!(out, "wavelength units = Nanometers")?;
        writeln!(out, "wavelength = {}", nm(&bands.centres))?;
        writeln!(out, "fwhm = {}", nm(&bands.fwhm_or_spacing()))?;
        writeln!(out, "bbl = {flags}")
    })
}

/// The truth as two float32 bands.
pub(super) fn truth(path: &Path, settings: &Settings, truth: &Truth) -> Result<()> {
    let outside = |dominant: u8| dominant == Truth::NODATA;
    whole_file(path, |out| {
        for &dominant in &truth.dominant {
            let value = if outside(dominant) { NODATA } else { f32::from(dominant) };
            out.write_all(&value.to_le_bytes())?;
        }
        for (&fraction, &dominant) in truth.fraction.iter().zip(&truth.dominant) {
            let value = if outside(dominant) { NODATA } else { fraction };
            out.write_all(&value.to_le_bytes())?;
        }
        Ok(())
    })?;
    whole_file(&path.with_extension("hdr"), |out| {
        let classes: Vec<String> = truth.names.iter().zip(1..).map(|(name, class)| format!("{class} {name}")).collect();
        header(out, &format!("truth of the alunite demo. 0 background, {}", classes.join(", ")), settings, 2, "bsq")?;
        writeln!(out, "band names = {{dominant mineral, fraction}}")
    })
}

fn header(out: &mut dyn Write, about: &str, settings: &Settings, bands: usize, interleave: &str) -> io::Result<()> {
    writeln!(out, "ENVI\ndescription = {{{about}}}")?;
    writeln!(out, "samples = {}\nlines = {}\nbands = {bands}", settings.samples, settings.lines)?;
    writeln!(out, "header offset = 0\nfile type = ENVI Standard\ndata type = 4")?;
    writeln!(out, "interleave = {interleave}\nbyte order = 0")?;
    writeln!(out, "data ignore value = {NODATA}")?;
    writeln!(out, "map info = {MAP_INFO}\ncoordinate system string = {CRS}")
}

fn joined(items: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", items.collect::<Vec<_>>().join(", "))
}
