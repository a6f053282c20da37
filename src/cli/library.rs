//! `alunite library`

use std::path::{Path, PathBuf};

use super::options::Filter;
use super::{Exit, print, print_json, say};
use crate::error::{Error, Result};
use crate::library::Library;
use crate::library::select::{Target, select};
use crate::library::table::Table;
use crate::library::{listing, plot};
use crate::map::set_cache_bytes;
use crate::scene::{Scene, SceneOptions};
use crate::spectrum::{Bands, WavelengthUnit};

/// List, convert, resample or plot spectral libraries.
///
/// Without a subcommand, lists the spectra of LIB: name, group, channels, deleted channels, range, and where the widths
/// of the channels come from.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Libraries {
    #[command(subcommand)]
    action: Option<Action>,

    #[command(flatten)]
    sources: Sources,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Convert(Convert),
    Resample(Resample),
    Plot(Plot),
}

/// Which spectra of which libraries.
#[derive(Debug, clap::Args)]
struct Sources {
    /// Libraries: ENVI .sli, CSV, USGS splib07 or splib06 ASCII, ECOSTRESS or ASTER text; a file, or a folder with all in
    /// and below it.
    #[arg(required = true, value_name = "LIB")]
    libraries: Vec<PathBuf>,

    #[command(flatten)]
    filter: Filter,

    /// Unit of wavelengths where a file gives none.
    #[arg(long, value_name = "UNIT")]
    wavelength_unit: Option<WavelengthUnit>,
}

impl Sources {
    /// Does something with the spectra chosen, and says what is odd about their libraries.
    fn with<T>(&self, act: impl FnOnce(&[(String, Target<'_>)]) -> Result<T>) -> Result<T> {
        let libraries = Library::open_all(&self.libraries, self.wavelength_unit)?;
        let chosen = select(&libraries, &self.filter.choice()?)?;
        for library in &libraries {
            library.notes.iter().for_each(|note| say!("note: {}: {note}", library.path.display()));
        }
        act(&chosen)
    }
}

/// The bands to bring spectra to.
#[derive(Debug, clap::Args)]
struct To {
    /// The scene whose bands the spectra are brought to.
    #[arg(long = "to", value_name = "SCENE")]
    scene: PathBuf,

    /// CSV with channel, wavelength_nm, fwhm_nm that replaces the scene's own wavelengths.
    #[arg(long, value_name = "CSV")]
    bands_from: Option<PathBuf>,
}

impl To {
    fn bands(&self, wavelength_unit: Option<WavelengthUnit>) -> Result<Bands> {
        set_cache_bytes(64 << 20);
        let options = SceneOptions { wavelength_unit, bands_from: self.bands_from.clone(), ..SceneOptions::default() };
        Scene::open(&self.scene, &options)?.description.spectral
    }

    fn name(&self) -> String {
        self.scene.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// Write spectra of one axis as a CSV or as an ENVI spectral library.
#[derive(Debug, clap::Args)]
struct Convert {
    #[command(flatten)]
    sources: Sources,

    /// X.csv, or X.sli for an ENVI spectral library (with X.hdr).
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,

    /// Replace files that are there already.
    #[arg(long)]
    overwrite: bool,
}

/// Bring spectra to the bands of a scene, as `alunite map` does.
#[derive(Debug, clap::Args)]
struct Resample {
    #[command(flatten)]
    sources: Sources,

    #[command(flatten)]
    to: To,

    /// X.csv, or X.sli for an ENVI spectral library (with X.hdr); a CSV on standard output without it.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Replace files that are there already.
    #[arg(long)]
    overwrite: bool,
}

/// Draw spectra before and after they are brought to the bands of a scene.
#[derive(Debug, clap::Args)]
struct Plot {
    #[command(flatten)]
    sources: Sources,

    #[command(flatten)]
    to: To,

    /// X.svg.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,

    /// Replace a file that is there already.
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn run(args: &Libraries) -> Result<Exit> {
    match &args.action {
        None => list(&args.sources, args.json),
        Some(Action::Convert(args)) => {
            let table = args.sources.with(Table::as_they_are)?;
            write(&table, &args.out, args.overwrite)
        }
        Some(Action::Resample(args)) => {
            let bands = args.to.bands(args.sources.wavelength_unit)?;
            let table = args.sources.with(|chosen| Table::resampled(chosen, &bands))?;
            table.notes.iter().for_each(|note| say!("note: {note}"));
            match &args.out {
                Some(path) => write(&table, path, args.overwrite),
                None => to_stdout(&table),
            }
        }
        Some(Action::Plot(args)) => {
            let bands = args.to.bands(args.sources.wavelength_unit)?;
            let svg = args.sources.with(|chosen| plot::svg(chosen, &bands, &args.to.name()))?;
            plot::write(&svg, &args.out, args.overwrite)?;
            say!("wrote {}", args.out.display());
            Ok(Exit::Done)
        }
    }
}

fn list(sources: &Sources, json: bool) -> Result<Exit> {
    let rows = sources.with(|chosen| Ok(listing::rows(chosen)))?;
    match json {
        true => print_json(&rows)?,
        false => print(&listing::text(&rows))?,
    }
    Ok(Exit::Done)
}

fn to_stdout(table: &Table) -> Result<Exit> {
    table.check_csv_names()?;
    let mut bytes = Vec::new();
    table.write_csv(&mut bytes).map_err(|e| Error::failed("CSV", e))?;
    print(&String::from_utf8_lossy(&bytes)).map(|()| Exit::Done)
}

fn write(table: &Table, path: &Path, overwrite: bool) -> Result<Exit> {
    for file in table.write(path, overwrite)? {
        say!("wrote {}", file.display());
    }
    Ok(Exit::Done)
}
