//! The part of GDAL that the safe crate lacks. All unsafe code of this room is here and in `transformer.rs`.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};

use gdal::cpl::CslStringList;
use gdal::errors::GdalError;
use gdal::raster::{GdalType, RasterBand};
use gdal::vector::{Layer, LayerAccess as _};
use gdal_sys::{CPLErr, GDALRATFieldType, GDALRATFieldUsage, GDALRWFlag};

use crate::tile::Window;

/// What GDAL said while something ran.
#[derive(Debug, Default, Clone)]
pub(super) struct Log {
    /// Failures, oldest first.
    pub errors: Vec<String>,
    /// Warnings, oldest first.
    pub warnings: Vec<String>,
}

impl Log {
    /// A broken disk repeats itself for every block.
    const MOST: usize = 20;

    fn add(&mut self, class: CPLErr::Type, message: String) {
        let list = match class {
            CPLErr::CE_Failure | CPLErr::CE_Fatal => &mut self.errors,
            CPLErr::CE_Warning => &mut self.warnings,
            _ => return,
        };
        if list.len() < Self::MOST && !list.contains(&message) {
            list.push(message);
        }
    }
}

/// Runs `work` and records what GDAL reports on this thread meanwhile, instead of letting it print.
///
/// GDAL reports many failures (a full disk at flush and close) through its handler only.
pub(super) fn recorded<T>(work: impl FnOnce() -> T) -> (T, Log) {
    let log = RefCell::new(Log::default());
    // SAFETY: the handler is on this thread's own stack of handlers until the guard pops it, also when `work` panics,
    // and `log`, declared before the guard, outlives it. The handler only ever reads the pointer as what it is.
    unsafe { gdal_sys::CPLPushErrorHandlerEx(Some(record), (&raw const log).cast_mut().cast::<c_void>()) };
    let guard = Pop;
    let value = work();
    drop(guard);
    (value, log.into_inner())
}

struct Pop;

impl Drop for Pop {
    fn drop(&mut self) {
        // SAFETY: pops the handler that `recorded` pushed on the same thread; every push has one guard.
        unsafe { gdal_sys::CPLPopErrorHandler() }
    }
}

unsafe extern "C" fn record(class: CPLErr::Type, _number: c_int, message: *const c_char) {
    // SAFETY: GDAL calls this between push and pop only, so the user data is the `RefCell<Log>` of `recorded`; the
    // message is a C string that lives for the call.
    let (log, message) = unsafe {
        let log = gdal_sys::CPLGetErrorHandlerUserData().cast::<RefCell<Log>>();
        (log.as_ref(), if message.is_null() { c"" } else { CStr::from_ptr(message) })
    };
    // Nothing here may panic: it would unwind into C.
    if let Some(mut log) = log.and_then(|log| log.try_borrow_mut().ok()) {
        log.add(class, message.to_string_lossy().into_owned());
    }
}

/// Adds a polygon to the layer for each stretch of equal pixels that are connected by their sides, with the value in a field;
/// none for zeros.
pub(super) fn polygonise(band: &RasterBand<'_>, layer: &Layer<'_>, field: c_int) -> gdal::errors::Result<()> {
    // SAFETY: band and layer are borrowed from open datasets for the call; the band is its own mask, which leaves zeros out;
    // there are no options, and no progress is asked for.
    let class = unsafe {
        let band = band.c_rasterband();
        gdal_sys::GDALPolygonize(band, band, layer.c_layer(), field, std::ptr::null_mut(), None, std::ptr::null_mut())
    };
    match class {
        CPLErr::CE_None => Ok(()),
        _ => Err(GdalError::CplError { class, number: 0, msg: "GDALPolygonize".into() }),
    }
}

/// Bounds the memory, in bytes, that GDAL keeps blocks in; for the whole process. Each pass over a scene sets it to what its windows need.
pub fn set_cache_bytes(bytes: u64) {
    // SAFETY: takes a number; GDAL locks what it changes.
    unsafe { gdal_sys::GDALSetCacheMax64(i64::try_from(bytes).unwrap_or(i64::MAX)) }
}

/// Writes a window of a band; `values` are its pixels line by line. False when GDAL reported a failure.
pub(super) fn write_window<T: GdalType + Copy>(band: &RasterBand<'_>, window: Window, values: &[T]) -> bool {
    let (Ok(x), Ok(y), Ok(width), Ok(height)) = (
        c_int::try_from(window.x),
        c_int::try_from(window.y),
        c_int::try_from(window.width),
        c_int::try_from(window.height),
    ) else {
        return false;
    };
    if values.len() != window.pixels() || values.is_empty() {
        return false;
    }
    // SAFETY: the band lives as long as its dataset, which is borrowed; GDAL reads exactly width · height values of the
    // type `T::gdal_ordinal()` names, which the slice holds, and does not write to the buffer when asked to write.
    let code = unsafe {
        gdal_sys::GDALRasterIO(
            band.c_rasterband(),
            GDALRWFlag::GF_Write,
            x,
            y,
            width,
            height,
            values.as_ptr().cast_mut().cast::<c_void>(),
            width,
            height,
            T::gdal_ordinal(),
            0,
            0,
        )
    };
    code == CPLErr::CE_None
}

/// Names the values 0, 1, 2, ... of a band.
pub(super) fn set_category_names(band: &RasterBand<'_>, names: &CslStringList) -> bool {
    // SAFETY: both outlive the call; GDAL copies the strings.
    let code = unsafe { gdal_sys::GDALSetRasterCategoryNames(band.c_rasterband(), names.as_ptr()) };
    code == CPLErr::CE_None
}

/// The names of the values 0, 1, 2, ... of a band; empty where it has none.
pub(super) fn category_names(band: &RasterBand<'_>) -> Vec<String> {
    let mut names = Vec::new();
    // SAFETY: the band lives as long as its dataset, which is borrowed. GDAL owns the list, which ends with a null pointer, and
    // its strings until the names are set anew, which needs the band again; all are copied here.
    unsafe {
        let list = gdal_sys::GDALGetRasterCategoryNames(band.c_rasterband());
        while !list.is_null() {
            let name = *list.add(names.len());
            if name.is_null() {
                break;
            }
            names.push(CStr::from_ptr(name).to_string_lossy().into_owned());
        }
    }
    names
}

/// Sets the unit of a band's values.
pub(super) fn set_unit(band: &RasterBand<'_>, unit: &CStr) -> bool {
    // SAFETY: both outlive the call; GDAL copies the string.
    let code = unsafe { gdal_sys::GDALSetRasterUnitType(band.c_rasterband(), unit.as_ptr()) };
    code == CPLErr::CE_None
}

/// A column of an attribute table.
pub(super) enum Column {
    Integers(Vec<i32>),
    Reals(Vec<f64>),
    Texts(Vec<CString>),
}

/// What GDAL and GIS programmes take a column for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Usage {
    Value,
    Name,
    Red,
    Green,
    Blue,
    Count,
    Other,
}

/// Gives a band an attribute table; all columns have `rows` values.
pub(super) fn set_attribute_table(band: &RasterBand<'_>, rows: usize, columns: &[(&CStr, Usage, Column)]) -> bool {
    let Ok(count) = c_int::try_from(rows) else { return false };
    // SAFETY: creates an empty table that this function owns and destroys below.
    let table = unsafe { gdal_sys::GDALCreateRasterAttributeTable() };
    if table.is_null() {
        return false;
    }
    let mut sound = true;
    for (index, (name, usage, column)) in (0..).zip(columns) {
        let kind = match column {
            Column::Integers(_) => GDALRATFieldType::GFT_Integer,
            Column::Reals(_) => GDALRATFieldType::GFT_Real,
            Column::Texts(_) => GDALRATFieldType::GFT_String,
        };
        // SAFETY: `table` is live, strings and slices outlive the calls and are copied; rows and columns are in range,
        // as the table was given `count` rows and column `index` just before (GDAL checks both as well).
        unsafe {
            sound &= gdal_sys::GDALRATCreateColumn(table, name.as_ptr(), kind, usage.code()) == CPLErr::CE_None;
            gdal_sys::GDALRATSetRowCount(table, count);
            match column {
                Column::Integers(values) => (0..count).zip(values).for_each(|(row, &v)| {
                    gdal_sys::GDALRATSetValueAsInt(table, row, index, v);
                }),
                Column::Reals(values) => (0..count).zip(values).for_each(|(row, &v)| {
                    gdal_sys::GDALRATSetValueAsDouble(table, row, index, v);
                }),
                Column::Texts(values) => (0..count).zip(values).for_each(|(row, v)| {
                    gdal_sys::GDALRATSetValueAsString(table, row, index, v.as_ptr());
                }),
            }
        }
    }
    // SAFETY: the band and the table are live; the band keeps a copy, and the table is destroyed exactly once.
    unsafe {
        sound &= gdal_sys::GDALSetDefaultRAT(band.c_rasterband(), table) == CPLErr::CE_None;
        gdal_sys::GDALDestroyRasterAttributeTable(table);
    }
    sound
}

impl Usage {
    fn code(self) -> GDALRATFieldUsage::Type {
        match self {
            Self::Value => GDALRATFieldUsage::GFU_MinMax,
            Self::Name => GDALRATFieldUsage::GFU_Name,
            Self::Red => GDALRATFieldUsage::GFU_Red,
            Self::Green => GDALRATFieldUsage::GFU_Green,
            Self::Blue => GDALRATFieldUsage::GFU_Blue,
            Self::Count => GDALRATFieldUsage::GFU_PixelCount,
            Self::Other => GDALRATFieldUsage::GFU_Generic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_recorded_and_the_handler_goes_even_after_a_panic() {
        let open = |path: &str| {
            let open_flags = gdal::GdalOpenFlags::GDAL_OF_RASTER | gdal::GdalOpenFlags::GDAL_OF_VERBOSE_ERROR;
            gdal::Dataset::open_ex(path, gdal::DatasetOptions { open_flags, ..Default::default() })
        };
        let (opened, log) = recorded(|| open("/absent/file.tif"));
        assert!(opened.is_err());
        assert!(log.errors.iter().any(|e| e.contains("/absent/file.tif")), "{log:?}");
        let (inner, outer) = recorded(|| {
            let caught = std::panic::catch_unwind(|| recorded(|| panic!("inside")));
            assert!(caught.is_err());
            open("/absent/other.tif")
        });
        assert!(inner.is_err() && outer.errors.len() == 1, "{outer:?}");
    }
}
