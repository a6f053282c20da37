//! Arrays of any number of dimensions in HDF5 files, through GDAL's multidimensional interface: in the file's own order of
//! dimensions, which the classic interface gives another order in each version.

use std::ffi::{CString, c_int};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use gdal_sys::{GDALDataType, GDALGroupH, GDALMDArrayH};

use crate::error::{Error, Result};
use crate::scene::gdal as quiet;

/// The HDF5 library is no faster with several threads, and only some builds of it bear them.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Calls GDAL, one thread at a time, and returns what it said beside the result.
fn alone<T>(call: impl FnOnce() -> T) -> (T, quiet::Said) {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    quiet::recorded(call)
}

/// A file of arrays.
pub(super) struct File {
    path: PathBuf,
    /// Taken when the file is closed.
    dataset: Option<Dataset>,
}

impl Drop for File {
    fn drop(&mut self) {
        alone(|| drop(self.dataset.take()));
    }
}

impl File {
    /// Opens a file with one driver only, such as `HDF5`.
    pub(super) fn open(path: &Path, driver: &str) -> Result<Self> {
        let allowed = [driver];
        let options = DatasetOptions {
            open_flags: GdalOpenFlags::GDAL_OF_MULTIDIM_RASTER,
            allowed_drivers: Some(&allowed),
            ..DatasetOptions::default()
        };
        let (opened, said) = alone(|| Dataset::open_ex(path, options));
        let dataset = opened.map_err(|_| {
            Error::refused(path.display(), format!("GDAL cannot open it as {driver}: {}", said.text()))
                .hint("the file may be cut off or damaged")
        })?;
        Ok(Self { path: path.to_path_buf(), dataset: Some(dataset) })
    }

    /// Does something with the root group, if there is one.
    fn with_root<T>(&self, run: impl FnOnce(GDALGroupH) -> Option<T>) -> Option<T> {
        let dataset = self.dataset.as_ref()?;
        let (found, _) = alone(|| {
            // SAFETY: the dataset is open while it is borrowed; a group that is not null is ours and released once.
            unsafe {
                let root = gdal_sys::GDALDatasetGetRootGroup(dataset.c_dataset());
                if root.is_null() {
                    return None;
                }
                let found = run(root);
                gdal_sys::GDALGroupRelease(root);
                found
            }
        });
        found
    }

    /// The numbers of an attribute of the root; `None` when there is no such attribute or it holds none.
    pub(super) fn numbers(&self, attribute: &str) -> Option<Vec<f64>> {
        let name = CString::new(attribute).ok()?;
        // SAFETY: the group and the name live during the calls. The list has `count` numbers when it is not null; it is
        // copied, and freed once, as the attribute is.
        self.with_root(|root| unsafe {
            let attribute = gdal_sys::GDALGroupGetAttribute(root, name.as_ptr());
            if attribute.is_null() {
                return None;
            }
            let mut count = 0;
            let list = gdal_sys::GDALAttributeReadAsDoubleArray(attribute, &raw mut count);
            let numbers = (!list.is_null() && count > 0).then(|| std::slice::from_raw_parts(list, count).to_vec());
            gdal_sys::VSIFree(list.cast());
            gdal_sys::GDALAttributeRelease(attribute);
            numbers
        })
    }

    /// An array by its full name, such as `/group/array`; `None` when there is none. The array takes a handle of its own.
    pub(super) fn array(&self, name: &str) -> Result<Option<Array>> {
        let full = CString::new(name).map_err(|_| Error::refused(self.path.display(), "a name holds a zero byte"))?;
        // SAFETY: the group and the name live during the call; an array that is not null is ours.
        let handle = self.with_root(|root| unsafe {
            let array = gdal_sys::GDALGroupOpenMDArrayFromFullname(root, full.as_ptr(), std::ptr::null_mut());
            (!array.is_null()).then_some(array)
        });
        let Some(handle) = handle else { return Ok(None) };
        let mut array = Array {
            place: format!("{}, {name}", self.path.display()),
            handle,
            shape: Vec::new(),
            block: Vec::new(),
            data_type: GDALDataType::GDT_Unknown,
        };
        array.describe()?;
        Ok(Some(array))
    }
}

/// An array. It keeps what it needs of its file open.
pub(super) struct Array {
    place: String,
    handle: GDALMDArrayH,
    /// Number of values in each dimension.
    pub(super) shape: Vec<usize>,
    /// Values of one chunk in each dimension; zero where the file has no chunks.
    pub(super) block: Vec<usize>,
    /// GDAL's number for the type of the values.
    pub(super) data_type: GDALDataType::Type,
}

// SAFETY: the handle is one shared pointer of GDAL's; it is used by the thread that owns the array only.
unsafe impl Send for Array {}

impl Drop for Array {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and released once.
        alone(|| unsafe { gdal_sys::GDALMDArrayRelease(self.handle) });
    }
}

impl Array {
    fn describe(&mut self) -> Result<()> {
        // SAFETY: the handle is open. Lists have `count` entries when they are not null, and are freed once, as the type is.
        let ((sizes, blocks), _) = alone(|| unsafe {
            let mut count = 0;
            let dimensions = gdal_sys::GDALMDArrayGetDimensions(self.handle, &raw mut count);
            let mut sizes = Vec::new();
            if !dimensions.is_null() {
                let list = std::slice::from_raw_parts(dimensions, count);
                sizes.extend(list.iter().map(|&dimension| gdal_sys::GDALDimensionGetSize(dimension)));
                gdal_sys::GDALReleaseDimensions(dimensions, count);
            }
            let mut count = 0;
            let block = gdal_sys::GDALMDArrayGetBlockSize(self.handle, &raw mut count);
            let mut blocks = Vec::new();
            if !block.is_null() {
                blocks.extend_from_slice(std::slice::from_raw_parts(block, count));
                gdal_sys::VSIFree(block.cast());
            }
            let data_type = gdal_sys::GDALMDArrayGetDataType(self.handle);
            if !data_type.is_null() {
                self.data_type = gdal_sys::GDALExtendedDataTypeGetNumericDataType(data_type);
                gdal_sys::GDALExtendedDataTypeRelease(data_type);
            }
            (sizes, blocks)
        });
        let whole = |list: Vec<u64>| list.into_iter().map(usize::try_from).collect::<Result<Vec<_>, _>>();
        let too_large = |_| Error::refused(&self.place, "is larger than this machine can address");
        (self.shape, self.block) = (whole(sizes).map_err(too_large)?, whole(blocks).map_err(too_large)?);
        Ok(())
    }

    /// Fills `values` with those from `start` on, `count` in each dimension, the last dimension fastest. `data_type` is
    /// GDAL's number for `T`.
    pub(super) fn read<T: bytemuck::Pod>(
        &mut self,
        start: &[usize],
        count: &[usize],
        data_type: GDALDataType::Type,
        values: &mut [T],
    ) -> Result<()> {
        let inside = |((start, count), size): ((&usize, &usize), &usize)| *count > 0 && start + count <= *size;
        let sound = start.len() == self.shape.len()
            && count.len() == self.shape.len()
            && start.iter().zip(count).zip(&self.shape).all(inside)
            && count.iter().product::<usize>() == values.len();
        if !sound {
            let what = format!("{count:?} values from {start:?} on are not within {:?}", self.shape);
            return Err(Error::refused(&self.place, what));
        }
        let first: Vec<u64> = start.iter().map(|&s| s as u64).collect();
        let bytes = size_of_val(values);
        let buffer = values.as_mut_ptr();
        let (outcome, said) = alone(|| -> c_int {
            // SAFETY: the region lies within the array and has as many values as the buffer (checked above), of the type
            // that the caller names; GDAL checks writes against the buffer's bytes. The type is released once.
            unsafe {
                let memory = gdal_sys::GDALExtendedDataTypeCreate(data_type);
                let outcome = gdal_sys::GDALMDArrayRead(
                    self.handle,
                    first.as_ptr(),
                    count.as_ptr(),
                    std::ptr::null(),
                    std::ptr::null(),
                    memory,
                    buffer.cast(),
                    buffer.cast(),
                    bytes,
                );
                gdal_sys::GDALExtendedDataTypeRelease(memory);
                outcome
            }
        });
        if outcome == 0 || !said.failures.is_empty() {
            return Err(Error::failed(&self.place, format!("GDAL cannot read from {start:?} on: {}", said.text()))
                .hint("the file may be cut off or damaged"));
        }
        Ok(())
    }
}
