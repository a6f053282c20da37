//! ENVI cubes: every type, interleave, byte order and offset reads to the same tiles.

use alunite::scene::{Scene, SceneOptions};
use alunite::tile::{Interleave, SampleType, Window};

use crate::cube::{Cube, assert_same};

const INTERLEAVES: [Interleave; 3] = [Interleave::Bil, Interleave::Bip, Interleave::Bsq];

#[test]
fn every_layout_reads_to_the_same_tiles() {
    // ENVI has no signed bytes.
    for sample_type in SampleType::ALL.into_iter().filter(|&t| t != SampleType::I8) {
        let cube = Cube::new(5, 7, 4, sample_type);
        for interleave in INTERLEAVES {
            for (big_endian, offset) in [(false, 0), (true, 0), (false, 13), (true, 512)] {
                let what = format!("{sample_type:?} {interleave:?} big {big_endian} offset {offset}");
                let dir = tempfile::tempdir().unwrap();
                let path = cube.write_envi(dir.path(), interleave, big_endian, offset);
                let scene = Scene::open(&path, &SceneOptions::default()).unwrap();
                let d = &scene.description;
                assert_eq!((d.lines, d.samples, d.bands, d.block), (5, 7, 4, (7, 1)), "{what}");
                assert_eq!((d.sample_type, d.interleave, d.big_endian), (sample_type, interleave, big_endian));
                for bands in cube.selections() {
                    let mut reader = scene.reader(&bands).unwrap();
                    for window in cube.windows() {
                        assert_same(&reader.read(window).unwrap(), &cube.tile(window, &bands), &what);
                    }
                }
            }
        }
    }
}

#[test]
fn large_cubes_are_read_in_several_pieces() {
    // More than one read of 4 MiB in the first, bands too far apart to be read together in the second.
    for (cube, bands) in [
        (Cube::new(150, 90, 64, SampleType::F64), (0..64).rev().collect::<Vec<_>>()),
        (Cube::new(3, 5000, 12, SampleType::F32), vec![11, 0, 1]),
    ] {
        for interleave in INTERLEAVES {
            let dir = tempfile::tempdir().unwrap();
            let path = cube.write_envi(dir.path(), interleave, true, 3);
            let mut reader = Scene::open(&path, &SceneOptions::default()).unwrap().reader(&bands).unwrap();
            let right = Window { x: 1, y: 1, width: cube.samples - 1, height: cube.lines - 1 };
            for window in [cube.full(), right] {
                assert_same(&reader.read(window).unwrap(), &cube.tile(window, &bands), &format!("{interleave:?}"));
            }
        }
    }
}

#[test]
fn windows_and_bands_outside_the_scene_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = Cube::new(5, 7, 4, SampleType::I16).write_envi(dir.path(), Interleave::Bil, false, 0);
    let scene = Scene::open(&path, &SceneOptions::default()).unwrap();
    assert!(scene.reader(&[4]).err().unwrap().to_string().contains("no band 5"));
    assert!(scene.reader(&[]).is_err());
    let mut reader = scene.reader(&[0]).unwrap();
    for (x, y, width, height) in [(0, 0, 8, 1), (0, 5, 1, 1), (7, 0, 1, 1), (0, 0, 0, 1), (usize::MAX, 0, 2, 1)] {
        assert!(reader.read(Window { x, y, width, height }).is_err());
    }
}

#[test]
fn a_file_that_shrinks_during_the_run_is_an_error_and_not_zeros() {
    let dir = tempfile::tempdir().unwrap();
    let cube = Cube::new(5, 7, 4, SampleType::I16);
    let path = cube.write_envi(dir.path(), Interleave::Bsq, false, 0);
    let mut reader = Scene::open(&path, &SceneOptions::default()).unwrap().reader(&[0, 3]).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(200).unwrap();
    let error = reader.read(cube.full()).unwrap_err();
    assert!(error.to_string().contains("the file ends"), "{error}");
}
