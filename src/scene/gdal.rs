//! Opening files through GDAL without its chatter on stderr: what it says is recorded, per call.

use std::ffi::{CStr, c_char};
use std::path::Path;

use gdal::raster::RasterBand;
use gdal::{Dataset, DatasetOptions};
use gdal_sys::{CPLErr, CPLErrorNum};

use crate::error::{Error, Result};
use crate::grid::Grid;

/// What GDAL said during one call.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Failures, in order.
    pub(super) failures: Vec<String>,
    /// Warnings, in order.
    pub(super) warnings: Vec<String>,
}

impl Said {
    /// The failures (or, when there are none, the warnings) as one sentence.
    pub(super) fn text(&self) -> String {
        let mut said = if self.failures.is_empty() { self.warnings.clone() } else { self.failures.clone() };
        said.dedup();
        said.truncate(3);
        if said.is_empty() { "it gives no reason".to_owned() } else { said.join("; ") }
    }
}

/// Runs `call` with an error handler that records on this thread, and returns what was said beside its result.
pub(super) fn recorded<T>(call: impl FnOnce() -> T) -> (T, Said) {
    /// Takes the handler off again, also when `call` panics.
    struct Pushed;
    impl Drop for Pushed {
        fn drop(&mut self) {
            // SAFETY: pops the handler that this thread pushed below; the stack of handlers is the thread's own.
            unsafe { gdal_sys::CPLPopErrorHandler() };
        }
    }
    let mut said = Said::default();
    // SAFETY: `said` outlives the handler, which `Pushed` takes off before it goes; GDAL calls it on this thread only,
    // and nothing else touches `said` meanwhile.
    unsafe { gdal_sys::CPLPushErrorHandlerEx(Some(record), (&raw mut said).cast()) };
    let pushed = Pushed;
    let result = call();
    drop(pushed);
    (result, said)
}

unsafe extern "C" fn record(class: CPLErr::Type, _number: CPLErrorNum, message: *const c_char) {
    // SAFETY: called by GDAL while the handler of `recorded` is on top of this thread's stack: the user data is its
    // `Said`, and the message is a C string that lives during the call.
    let (said, message) = unsafe {
        (gdal_sys::CPLGetErrorHandlerUserData().cast::<Said>().as_mut(), CStr::from_ptr(message).to_string_lossy())
    };
    let Some(said) = said else { return };
    match class {
        CPLErr::CE_Failure | CPLErr::CE_Fatal => said.failures.push(message.into_owned()),
        CPLErr::CE_Warning => said.warnings.push(message.into_owned()),
        _ => {}
    }
}

/// Opens a file with one driver only, so that no other can claim it (a VRT under another name reads any file).
/// Returns GDAL's warnings beside the dataset.
pub(super) fn open(path: &Path, driver: &str) -> Result<(Dataset, Vec<String>)> {
    let allowed = [driver];
    let options = DatasetOptions { allowed_drivers: Some(&allowed), ..DatasetOptions::default() };
    let (opened, said) = recorded(|| Dataset::open_ex(path, options));
    match opened {
        Ok(dataset) => Ok((dataset, said.warnings)),
        Err(_) => Err(Error::refused(path.display(), format!("GDAL cannot open it as {driver}: {}", said.text()))
            .hint("the file may be cut off or damaged")),
    }
}

/// The georeferencing of a dataset, as GDAL gives it.
pub(super) fn grid(dataset: &Dataset, notes: &mut Vec<String>) -> Grid {
    let (grid, _) = recorded(|| Grid {
        geotransform: dataset.geo_transform().ok(),
        crs_wkt: dataset.spatial_ref().and_then(|srs| srs.to_wkt()).ok().filter(|wkt| !wkt.is_empty()),
    });
    let points = dataset.gcps().len();
    if grid.geotransform.is_none() && points > 0 {
        notes.push(format!("{points} ground control points are not carried to the maps; warp the scene to keep them"));
    }
    grid
}

/// GDAL's name for the type of a band; the safe interface knows complex types only as unknown.
pub(super) fn type_name(band: &RasterBand<'_>) -> String {
    // SAFETY: the handle belongs to `band` and is used while it is borrowed; a name is a static string, or null.
    unsafe {
        let name = gdal_sys::GDALGetDataTypeName(gdal_sys::GDALGetRasterDataType(band.c_rasterband()));
        if name.is_null() { "unknown".to_owned() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}
