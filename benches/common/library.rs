//! A library as large as a district's: alunite's twelve modelled minerals in several grain sizes and compositions, then
//! what covers the ground.

use std::path::Path;

use alunite::synthetic::minerals::{ALL, BACKGROUNDS, Material, native_nm};

/// Grain sizes: light comes out of coarse grains after a longer way, as if through so many times the absorber.
const GRAINS: [(&str, f64); 3] = [("fine", 0.7), ("medium", 1.0), ("coarse", 1.4)];
/// Other compositions, whose absorptions lie at so many times the wavelength: iron-bearing muscovite (2.20 to 2.215 µm),
/// magnesian chlorite (2.335 to 2.32 µm).
const COMPOSITIONS: [(usize, &str, f64); 2] = [(3, "phengitic", 2215.0 / 2200.0), (5, "magnesian", 2320.0 / 2335.0)];

/// Number of minerals; what covers the ground comes after them.
pub(crate) const MINERALS: usize = ALL.len() * GRAINS.len() + COMPOSITIONS.len();

/// Names and reflectance at [`native_nm`].
pub(crate) fn spectra() -> Vec<(String, Vec<f64>)> {
    let nm = native_nm();
    let name = |material: &Material, kind: &str| material.name.replace("(modelled)", &format!("{kind} (modelled)"));
    let grain = |(kind, way): (&str, f64), m: &Material| {
        (name(m, kind), m.spectrum(&nm).into_iter().map(|r| libm::pow(r, way)).collect())
    };
    let grains = GRAINS.into_iter().flat_map(|g| ALL.iter().map(move |m| grain(g, m)));
    let composition = |(which, kind, factor): (usize, &str, f64)| {
        let shifted: Vec<f64> = nm.iter().map(|nm| nm / factor).collect();
        (name(&ALL[which], kind), ALL[which].spectrum(&shifted))
    };
    let covers = BACKGROUNDS.iter().map(|m| (m.name.to_owned(), m.spectrum(&nm)));
    grains.chain(COMPOSITIONS.into_iter().map(composition)).chain(covers).collect()
}

/// Writes the first `count` spectra as a CSV library.
pub(crate) fn write(path: &Path, count: usize) {
    let spectra = spectra();
    let spectra = &spectra[..count];
    let mut table = csv::Writer::from_path(path).expect("a library");
    let names = spectra.iter().map(|(name, _)| name.clone());
    table.write_record(std::iter::once("wavelength_nm".to_owned()).chain(names)).expect("a library");
    for (i, nm) in native_nm().into_iter().enumerate() {
        let values = spectra.iter().map(|(_, values)| format!("{:.6}", values[i]));
        table.write_record(std::iter::once(nm.to_string()).chain(values)).expect("a library");
    }
    table.flush().expect("a library");
}
