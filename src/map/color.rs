//! Colours of minerals: a curated table, and steps of lightness and hue in OKLCH.
//!
//! OKLCH is the cylindrical form of Oklab (Björn Ottosson, 2020): equal steps look about equally large.

/// Red, green and blue, 0 to 255, sRGB.
pub(super) type Rgb = [u8; 3];

/// Species words and their colours. Minerals that are mapped side by side differ in lightness as well as in hue, so
/// that they can be told apart without seeing red and green. The first word of the table that is found earliest in a
/// name decides.
const MINERALS: &[(&[&str], Rgb)] = &[
    (&["natroalunite", "alunite"], [0xD8, 0x1B, 0x60]),
    (&["kaolin"], [0x1E, 0x6F, 0xD9]),
    (&["dickite"], [0x7C, 0xC0, 0xFF]),
    (&["nacrite"], [0x4A, 0x90, 0xC2]),
    (&["halloysite"], [0x0D, 0x3B, 0x8C]),
    (&["pyrophyllite"], [0xFF, 0x8A, 0x1F]),
    (&["sericite", "muscovite"], [0x2E, 0x9E, 0x4F]),
    (&["illite"], [0x84, 0xCF, 0x7A]),
    (&["paragonite"], [0x00, 0x6B, 0x3C]),
    (&["phengite"], [0x5D, 0xA8, 0x2B]),
    (&["montmorillonite", "smectite", "bentonite"], [0xF7, 0xDC, 0x2E]),
    (&["nontronite"], [0x9C, 0x97, 0x12]),
    (&["saponite", "hectorite"], [0xE9, 0xE6, 0x9A]),
    (&["buddingtonite"], [0x8A, 0x2B, 0xC9]),
    (&["chalcedony"], [0x1F, 0xC4, 0xDE]),
    (&["opal", "hyalite"], [0xA8, 0xEB, 0xF2]),
    (&["quartz", "silica", "cristobalite"], [0x55, 0x8B, 0x9E]),
    (&["calcite"], [0x00, 0x9C, 0x8C]),
    (&["dolomite"], [0x7F, 0xD9, 0xC4]),
    (&["magnesite"], [0xC9, 0xF0, 0xDD]),
    (&["siderite", "ankerite"], [0x96, 0x62, 0x2E]),
    (&["gypsum", "anhydrite", "bassanite"], [0xFA, 0xB8, 0xD2]),
    (&["jarosite"], [0xC9, 0x9A, 0x00]),
    (&["goethite", "limonite"], [0xA8, 0x4B, 0x17]),
    (&["hematite"], [0x9B, 0x12, 0x1E]),
    (&["chlorite", "clinochlore", "chamosite"], [0x0B, 0x5D, 0x4B]),
    (&["clinozoisite", "zoisite", "epidote"], [0xB5, 0xE6, 0x1D]),
    (&["prehnite"], [0xD7, 0xEE, 0x8B]),
    (&["topaz"], [0xFF, 0xCF, 0x8F]),
    (&["diaspore"], [0xB7, 0x9C, 0xF2]),
    (&["zunyite"], [0xE0, 0x8B, 0xF5]),
    (&["tourmaline", "schorl", "dravite", "elbaite"], [0x4B, 0x14, 0x80]),
    (&["biotite", "phlogopite"], [0x6B, 0x45, 0x30]),
    (&["actinolite", "tremolite", "hornblende", "amphibole"], [0x4F, 0x7A, 0x1D]),
    (&["serpentine", "antigorite", "lizardite", "chrysotile"], [0x1D, 0x4D, 0x22]),
    (&["talc"], [0xC4, 0xE8, 0xB0]),
    (&["vermiculite"], [0xFF, 0xB0, 0x9C]),
    (&["garnet", "andradite", "grossular", "almandine"], [0x7A, 0x0F, 0x45]),
    (&["albite", "microcline", "orthoclase", "adularia", "feldspar"], [0xF2, 0xC9, 0xB8]),
    (&["olivine", "forsterite", "fayalite"], [0x8F, 0xA6, 0x3A]),
    (&["diopside", "augite", "pyroxene", "enstatite"], [0x3F, 0x5E, 0x46]),
    (&["copiapite", "melanterite", "coquimbite", "schwertmannite"], [0xE6, 0xC2, 0x5C]),
];

/// The colour of the `nth` (from 0) spectrum of a mineral, or of any name that the table does not know.
pub(super) fn of_mineral(base: Rgb, nth: usize) -> Rgb {
    const LIGHTNESS: [f64; 7] = [0.0, 0.09, -0.09, 0.17, -0.17, 0.045, -0.045];
    let (step, round) = (LIGHTNESS[nth % LIGHTNESS.len()], nth / LIGHTNESS.len());
    if nth == 0 {
        return base;
    }
    let [l, c, h] = oklch(base);
    // Where one side of the lightness scale is used up, go to the other.
    let lightness = if (0.25..=0.94).contains(&(l + step)) { l + step } else { l - 1.5 * step };
    let turn = 9.0 * round.div_ceil(2) as f64 * if round % 2 == 0 { 1.0 } else { -1.0 };
    srgb(lightness, c * (1.0 - 0.04 * (round % 8) as f64), h + turn)
}

/// The base colour of the mineral that the name speaks of, and its place in the table.
pub(super) fn known(name: &str) -> Option<(usize, Rgb)> {
    let name = name.to_lowercase();
    let found = |words: &[&str]| words.iter().filter_map(|word| name.find(word)).min();
    let (_, mineral) = MINERALS.iter().enumerate().filter_map(|(i, (words, _))| Some((found(words)?, i))).min()?;
    Some((mineral, MINERALS[mineral].1))
}

/// A colour that follows from the name alone; `attempt` gives others when it is taken.
pub(super) fn of_unknown(name: &str, attempt: u64) -> Rgb {
    // FNV-1a: small, and the same on every machine and in every release.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let hash = hash.wrapping_add(attempt.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    // Names that differ in their last letter only differ little so far.
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let hash = hash ^ (hash >> 31);
    let golden = 137.507_764_05;
    let level = ((hash >> 16) % 64) as f64 / 63.0;
    let chroma = 0.09 + 0.09 * ((hash >> 24) % 16) as f64 / 15.0;
    srgb(0.42 + 0.42 * level, chroma, (hash % 4096) as f64 * golden % 360.0)
}

/// The colour of a scene of a mosaic: neighbours in the list have hues far from each other.
pub(super) fn of_scene(index: u16) -> Rgb {
    let (golden, level) = (137.507_764_05, f64::from(index % 3) - 1.0);
    srgb(0.68 + 0.1 * level, 0.13, 250.0 + f64::from(index) * golden)
}

fn linear(v: u8) -> f64 {
    let v = f64::from(v) / 255.0;
    if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

fn oklch(rgb: Rgb) -> [f64; 3] {
    let [r, g, b] = rgb.map(linear);
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    let a = 1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s;
    let b = 0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s;
    [0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s, a.hypot(b), b.atan2(a).to_degrees()]
}

/// The colour, with as much of its chroma as a screen can show.
fn srgb(lightness: f64, chroma: f64, hue: f64) -> Rgb {
    let mut chroma = chroma;
    for _ in 0..40 {
        let rgb = linear_rgb(lightness, chroma, hue);
        if rgb.iter().all(|v| (-1e-4..=1.0001).contains(v)) {
            break;
        }
        chroma *= 0.93;
    }
    linear_rgb(lightness, chroma, hue).map(|v| {
        let v = v.clamp(0.0, 1.0);
        let v = if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        (v * 255.0).round() as u8
    })
}

fn linear_rgb(lightness: f64, chroma: f64, hue: f64) -> [f64; 3] {
    let (a, b) = (chroma * hue.to_radians().cos(), chroma * hue.to_radians().sin());
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oklch_goes_there_and_back() {
        for rgb in [[0, 0, 0], [255, 255, 255], [216, 27, 96], [30, 111, 217]] {
            let [l, c, h] = oklch(rgb);
            assert_eq!(srgb(l, c, h), rgb);
        }
    }

    #[test]
    fn the_table_has_no_colour_twice_and_its_neighbours_differ() {
        for (i, (words, a)) in MINERALS.iter().enumerate() {
            for (others, b) in &MINERALS[..i] {
                let distance: i32 = a.iter().zip(b).map(|(&x, &y)| (i32::from(x) - i32::from(y)).abs()).sum();
                assert!(distance >= 24, "{words:?} and {others:?}");
            }
        }
    }

    #[test]
    fn the_mineral_named_first_gives_the_colour() {
        let base = |name| known(name).map(|k| k.1);
        assert_eq!(base("Kaolinite+Muscovite"), base("KAOLIN"));
        assert_eq!(base("Natroalunite 12"), base("alunite"));
        assert_eq!(base("Clinochlore GDS157"), base("chlorite"));
        assert_eq!(base("Sample 17"), None);
    }
}
