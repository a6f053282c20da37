//! `alunite zones`

use std::path::PathBuf;

use super::{Exit, print};
use crate::alteration::{Found, Named, Rules, Zoning};
use crate::error::Result;
use crate::library::Library;
use crate::spectrum::WavelengthUnit;

/// Print the rules of alteration zones, or what they make of a library's names.
///
/// Without a library, the rules that `map` uses when none are given, to begin one's own with. With one, the mineral and the
/// zone of each of its spectra, and the names that belong to none.
#[derive(Debug, clap::Args)]
pub(super) struct Zones {
    /// Spectral libraries.
    libraries: Vec<PathBuf>,

    /// Rules (TOML), instead of those shipped.
    #[arg(long, value_name = "FILE")]
    zones: Option<PathBuf>,

    /// Unit of wavelengths where a library gives none.
    #[arg(long, value_name = "UNIT")]
    wavelength_unit: Option<WavelengthUnit>,
}

pub(super) fn run(args: &Zones) -> Result<Exit> {
    if args.libraries.is_empty() && args.zones.is_none() {
        return print(Rules::shipped_text()).map(|()| Exit::Done);
    }
    let rules = args.zones.as_deref().map_or_else(Rules::shipped, Rules::read)?;
    let libraries = Library::open_all(&args.libraries, args.wavelength_unit)?;
    let names: Vec<String> = libraries.iter().flat_map(|l| l.spectra.iter().map(|s| s.name.clone())).collect();
    let zoning = Zoning::new(&rules, &names, &[]);
    let mut text = format!("{} zones, {} minerals\n", rules.zones.len(), rules.minerals.len());
    for zone in &rules.zones {
        text.push_str(&format!("  {:<22} {}\n", zone.name, zone.any.join(", ")));
    }
    for found in &zoning.found {
        text.push_str(&line(&rules, found));
    }
    print(&text).map(|()| Exit::Done)
}

fn line(rules: &Rules, found: &Found) -> String {
    let zone = |species: &String| rules.zones.iter().find(|z| z.any.contains(species)).map(|z| z.name.as_str());
    let is = match &found.named {
        Named::Species(species) => format!("{species:<18} {}", zone(species).unwrap_or("no zone")),
        Named::Unknown => "no mineral of the rules".to_owned(),
        Named::Several(all) => format!("several: {}", all.join(", ")),
    };
    format!("{:<40} {is}\n", found.target)
}
