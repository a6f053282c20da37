//! Deliveries of missions: folders without metadata, metadata without images, swaths whose table leads out of them.

use super::Case;
use super::emit::Emit;

/// An EMIT delivery with a change.
fn emit(name: &str, change: fn(&mut Emit), words: &[&str]) -> Case {
    Case::new(name, &[&["emit.nc"], words].concat(), move |w| {
        let mut made = Emit::new(6, 5, 12);
        change(&mut made);
        made.write(&w.path("emit.nc"));
        w.write("library.csv", Emit::new(6, 5, 12).library());
    })
    .scene("emit.nc")
}

/// A folder that holds one text.
fn folder(name: &str, file: &'static str, text: &'static str, words: &[&str]) -> Case {
    Case::new(name, &[&["delivery"], words].concat(), move |w| {
        std::fs::create_dir(w.path("delivery")).unwrap();
        w.write(&format!("delivery/{file}"), text);
    })
    .scene("delivery")
}

const ENMAP: &str = "<?xml version=\"1.0\"?>\n<level_X><metadata><schema><processingLevel>L2A</processingLevel></schema>\
    </metadata><base><level>L2A</level></base><specific><backgroundValue>-32768</backgroundValue><bandCharacterisation>\
    <bandID number=\"1\"><wavelengthCenterOfBand>418.2</wavelengthCenterOfBand><FWHMOfBand>7.0</FWHMOfBand>\
    <GainOfBand>0.0001</GainOfBand><OffsetOfBand>0</OffsetOfBand></bandID></bandCharacterisation></specific></level_X>\n";
const HYPERION: &str = "GROUP = L1_METADATA_FILE\n  GROUP = PRODUCT_METADATA\n    PRODUCT_TYPE = \"L1T\"\n    \
    SPACECRAFT_ID = \"EO1\"\n    SENSOR_ID = \"HYPERION\"\n    BAND8_FILE_NAME = \"EO1H_B008_L1T.TIF\"\n  \
    END_GROUP = PRODUCT_METADATA\n  GROUP = RADIANCE_SCALING\n    SCALING_FACTOR_VNIR = 40\n    \
    SCALING_FACTOR_SWIR = 80\n  END_GROUP = RADIANCE_SCALING\nEND_GROUP = L1_METADATA_FILE\nEND\n";
const ENMAP_FILE: &str = "ENMAP01-____L2A-DT0000001867_20220724T104526Z_008_V010302_20230628T165614Z-METADATA.XML";

pub(super) fn cases() -> Vec<Case> {
    vec![
        folder("a folder without metadata", "README.txt", "nothing\n", &["holds no product", "EnMAP"]),
        folder("EnMAP metadata without the image", ENMAP_FILE, ENMAP, &["SPECTRAL_IMAGE", "METADATA.XML"]),
        folder("metadata that are cut off", ENMAP_FILE, &ENMAP[..300], &["METADATA.XML", "XML"]),
        folder("Hyperion metadata without the bands", "EO1H_MTL_L1T.TXT", HYPERION, &["EO1H_B008_L1T.TIF"]),
        emit("a lookup table that leads out of the swath", |e| e.glt_x[40] = 99, &["glt_x", "99", "5"]),
        emit("a lookup table of another height", |e| e.glt_y.truncate(60), &["glt_y"]),
        emit(
            "EMIT without wavelengths",
            |e| e.omitted = vec!["wavelengths"],
            &["sensor_band_parameters/wavelengths", "no such variable"],
        ),
        emit("EMIT without a unit", |e| e.unit = None, &["no unit is declared", "--wavelength-unit"]),
        emit("EMIT of fewer wavelengths", |e| e.wavelengths.truncate(7), &["holds 7 values, expected 12"]),
        emit("EMIT without its grid", |e| e.omitted = vec!["geotransform"], &["geotransform", "--geometry swath"]),
        Case::new("EMIT that is cut off", &["emit.nc", "cut off or damaged"], |w| {
            let path = Emit::new(6, 5, 12).write(&w.path("emit.nc"));
            let bytes = std::fs::read(&path).unwrap();
            w.write("emit.nc", &bytes[..bytes.len() / 2]);
        })
        .scene("emit.nc"),
        Case::new("EMIT's mask for its reflectance", &["emit.nc", "an EMIT L2A mask", "--mask"], |w| {
            Emit::new(6, 5, 12).write_mask(&w.path("emit.nc"), |_, _, _| 0.0);
        })
        .scene("emit.nc"),
        Case::new("a mask of another swath", &["other.nc, mask", "9 lines x 5 samples", "expected 6 x 5"], |w| {
            Emit::new(6, 5, 12).write(&w.path("emit.nc"));
            Emit::new(9, 5, 12).write_mask(&w.path("other.nc"), |_, _, _| 0.0);
        })
        .scene("emit.nc")
        .with(&["--mask", "other.nc"]),
        Case::new("a mask for a plain cube", &["mask.nc, mask", "6 lines x 5 samples", "expected 8 x 6"], |w| {
            Emit::new(6, 5, 12).write_mask(&w.path("mask.nc"), |_, _, _| 0.0);
        })
        .with(&["--mask", "mask.nc"]),
        Case::option("quality layers for a plain cube", &["--quality", "cloud"], &["scene.img", "no quality layers"]),
        Case::option("a quality layer that is unknown", &["--quality", "fog"], &["'fog'", "cloud"]),
        Case::option(
            "a cube that is said to be EnMAP",
            &["--product", "enmap-l2a"],
            &["scene.img", "no metadata of EnMAP L2A"],
        ),
        Case::option("a cube that is said to be PRISMA", &["--product", "prisma-l2d"], &["scene.img", "--product"]),
        Case::option(
            "a cube that is said to be a GeoTIFF",
            &["--product", "geotiff"],
            &["scene.img", "is not a GeoTIFF"],
        ),
        Case::option("a product that is unknown", &["--product", "landsat"], &["'landsat'", "--product", "envi"]),
    ]
}
