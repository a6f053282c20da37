//! Bands without data and undeclared fill, in cubes made for it.

use std::path::{Path, PathBuf};

use alunite::scene::{Scene, SceneOptions};

const BANDS: usize = 5;

/// A float32 BIL cube of `lines` x 10 x 5 with no-data value -9999.
fn write(folder: &Path, lines: usize, value: impl Fn(usize, usize, usize) -> f32) -> PathBuf {
    let mut bytes = Vec::new();
    for line in 0..lines {
        for band in 0..BANDS {
            (0..10).for_each(|sample| bytes.extend(value(band, line, sample).to_le_bytes()));
        }
    }
    let header = format!(
        "ENVI\nsamples = 10\nlines = {lines}\nbands = {BANDS}\ndata type = 4\ninterleave = bil\nbyte order = 0\n\
         data ignore value = -9999\nbbl = {{1, 1, 1, 1, 0}}\n"
    );
    std::fs::write(folder.join("x.hdr"), header).unwrap();
    std::fs::write(folder.join("x.img"), bytes).unwrap();
    folder.join("x.img")
}

#[test]
fn a_band_is_dead_only_when_every_pixel_is() {
    let dir = tempfile::tempdir().unwrap();
    // Band 0 lives everywhere, band 1 is filled, band 2 is NaN and infinite, band 3 lives in one pixel that no sample meets.
    let path = write(dir.path(), 500, |band, line, sample| match band {
        1 => -9999.0,
        2 => [f32::NAN, f32::INFINITY][sample % 2],
        3 if (line, sample) != (499, 7) => -9999.0,
        4 => 0.0,
        _ => 0.3,
    });
    let scene = Scene::open(&path, &SceneOptions::default()).unwrap();
    assert_eq!(scene.dead_bands(&[0, 1, 2, 3, 4]).unwrap(), [1, 2]);
    assert_eq!(scene.dead_bands(&[3, 2, 0]).unwrap(), [2]);
    assert_eq!(scene.dead_bands(&[]).unwrap(), [0; 0]);
}

#[test]
fn undeclared_fill_is_told_for_bands_in_use_only() {
    let dir = tempfile::tempdir().unwrap();
    // One pixel in ten is -50 in bands 0 and 1; band 4 is too, but the bad-band list takes it out.
    let path = write(dir.path(), 300, |band, line, sample| match (band, sample) {
        (0 | 1 | 4, 3) => -50.0,
        (2, _) => -9999.0,
        _ => 0.2 + (line % 7) as f32 / 100.0,
    });
    let told = Scene::open(&path, &SceneOptions::default()).unwrap().undeclared_fill().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("value -50 stands in up to 10 %") && told[0].contains("bands 1-2"), "{told:?}");
    assert!(told[0].contains("--nodata -50"));

    let path = write(dir.path(), 300, |_, line, sample| if sample == 3 && line % 4 == 0 { -50.0 } else { 0.2 });
    assert!(Scene::open(&path, &SceneOptions::default()).unwrap().undeclared_fill().unwrap().is_empty());
}
