//! Files of many arrays (HDF5, and netCDF-4 within it) through GDAL's multidimensional interface, which gives an array in the
//! file's own order of dimensions and in its own chunks. The classic interface gives another order in each version, and where
//! it transposes it is a hundred times slower.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gdal::raster::GdalType;
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use gdal_sys::{
    GDALAttributeH, GDALDataType, GDALExtendedDataTypeClass, GDALExtendedDataTypeH, GDALGroupH, GDALMDArrayH,
};

use crate::error::{Error, Result};
use crate::scene::gdal as quiet;

/// The longest side of an array that is read.
const MOST: usize = 1_000_000;

/// The HDF5 library is no faster with several threads, and only some builds of it bear them; netCDF's and GDAL's drivers of
/// them bear none.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Keeps scenes of HDF5 and netCDF-4 from calling their libraries while it is held.
///
/// A program that calls these libraries in other threads than this crate's, through GDAL or past it, holds it meanwhile:
/// they end the process (SIGSEGV) where two threads are in them at once. No scene of such a file can be opened or read by
/// the thread that holds it, which would wait for itself.
pub fn hold_hdf5() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls GDAL, one thread at a time, and returns what it said beside the result.
pub(super) fn alone<T>(call: impl FnOnce() -> T) -> (T, quiet::Said) {
    let _one = hold_hdf5();
    // The library tells its troubles on stderr, past GDAL, in every thread that it was not asked to be silent in.
    hdf5_metno::silence_errors(true);
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
    /// Opens a file of HDF5 as such.
    ///
    /// # Errors
    /// Refuses what the driver cannot open: a file that is cut off or of another kind, or GDAL without that driver.
    pub(super) fn open_hdf5(path: &Path) -> Result<Self> {
        Self::open(path, path, "HDF5")
    }

    /// Opens a netCDF file.
    ///
    /// # Errors
    /// As [`Self::open_hdf5`].
    pub(super) fn open_netcdf(path: &Path) -> Result<Self> {
        // The driver takes a netCDF-4 file of another extension only when it is told what it is.
        let told = format!("NETCDF:\"{}\"", path.display());
        Self::open(path, path, "netCDF")
            .or_else(|refused| Self::open(path, Path::new(&told), "netCDF").map_err(|_| refused))
    }

    /// Opens a file under the name that one driver knows it by.
    fn open(path: &Path, name: &Path, driver: &str) -> Result<Self> {
        let allowed = [driver];
        let options = DatasetOptions {
            open_flags: GdalOpenFlags::GDAL_OF_MULTIDIM_RASTER | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR,
            allowed_drivers: Some(&allowed),
            ..DatasetOptions::default()
        };
        let (opened, said) = alone(|| Dataset::open_ex(name, options));
        let dataset = opened.map_err(|_| {
            Error::refused(path.display(), format!("GDAL cannot open it as {driver}: {}", said.text()))
                .hint("the file may be cut off or damaged: compare its size with the archive's, and fetch it again")
        })?;
        Ok(Self { path: path.to_path_buf(), dataset: Some(dataset) })
    }

    /// The file's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where an array or attribute is, for messages.
    pub(super) fn place(&self, name: &str) -> String {
        format!("{}, {name}", self.path.display())
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

    /// Names of the groups at the root.
    pub(super) fn groups(&self) -> Vec<String> {
        // SAFETY: the group lives during the call; the list is ours.
        let names = self.with_root(|root| Some(unsafe { taken(gdal_sys::GDALGroupGetGroupNames(root, null_mut())) }));
        names.unwrap_or_default()
    }

    /// Names of the arrays at the root.
    pub(super) fn arrays(&self) -> Vec<String> {
        // SAFETY: the group lives during the call; the list is ours.
        let names = self.with_root(|root| Some(unsafe { taken(gdal_sys::GDALGroupGetMDArrayNames(root, null_mut())) }));
        names.unwrap_or_default()
    }

    /// Does something with an attribute of the root, if there is one.
    fn with_attribute<T>(&self, name: &str, run: impl FnOnce(GDALAttributeH) -> Option<T>) -> Option<T> {
        let name = CString::new(name).ok()?;
        // SAFETY: the group and the name live during the calls; an attribute that is not null is ours and released once.
        self.with_root(|root| unsafe {
            let attribute = gdal_sys::GDALGroupGetAttribute(root, name.as_ptr());
            if attribute.is_null() {
                return None;
            }
            let found = run(attribute);
            gdal_sys::GDALAttributeRelease(attribute);
            found
        })
    }

    /// The numbers of an attribute of the root; `None` when there is no such attribute or it holds none.
    pub(super) fn numbers(&self, attribute: &str) -> Option<Vec<f64>> {
        // SAFETY: the attribute lives during the calls. The list has `count` numbers when it is not null; it is copied, and
        // freed once.
        self.with_attribute(attribute, |attribute| unsafe {
            let mut count = 0;
            let list = gdal_sys::GDALAttributeReadAsDoubleArray(attribute, &raw mut count);
            let numbers = (!list.is_null() && count > 0).then(|| std::slice::from_raw_parts(list, count).to_vec());
            gdal_sys::VSIFree(list.cast());
            numbers
        })
    }

    /// The values of an attribute of the root, as texts; `None` when there is no such attribute.
    pub(super) fn words(&self, attribute: &str) -> Option<Vec<String>> {
        // SAFETY: the attribute lives during the call; the list is ours.
        self.with_attribute(attribute, |attribute| unsafe {
            Some(taken(gdal_sys::GDALAttributeReadAsStringArray(attribute)))
        })
    }

    /// An array by its full name, such as `group/array`; `None` when there is none. The array takes a handle of its own.
    ///
    /// # Errors
    /// Refuses one that is too large for this machine.
    pub(super) fn array(&self, name: &str) -> Result<Option<Array>> {
        let full = CString::new(format!("/{name}"))
            .map_err(|_| Error::refused(self.path.display(), "a name holds a zero byte"))?;
        // SAFETY: the group and the name live during the call; an array that is not null is ours.
        let handle = self.with_root(|root| unsafe {
            let array = gdal_sys::GDALGroupOpenMDArrayFromFullname(root, full.as_ptr(), null_mut());
            (!array.is_null()).then_some(array)
        });
        let Some(handle) = handle else { return Ok(None) };
        let mut array = Array {
            place: self.place(name),
            handle,
            dimensions: Vec::new(),
            shape: Vec::new(),
            block: Vec::new(),
            type_name: String::new(),
            fill: None,
            unit: None,
        };
        array.describe()?;
        Ok(Some(array))
    }

    /// As [`Self::array`], one that must be there with so many dimensions, called `dimensions` in messages.
    ///
    /// # Errors
    /// Refuses the file where it is missing, or has other dimensions.
    pub(super) fn required(&self, name: &str, dimensions: &[&str]) -> Result<Array> {
        let expected = format!("[{}]", dimensions.join("]["));
        let array = self.array(name)?.ok_or_else(|| {
            Error::refused(self.place(name), format!("there is no such variable; expected one of {expected}"))
                .hint("the file is incomplete, or another product: `alunite info` shows what it is taken for")
        })?;
        if array.shape.len() != dimensions.len() {
            let what = format!("its shape is {:?}, expected {} dimensions {expected}", array.shape, dimensions.len());
            return Err(Error::refused(array.place(), what));
        }
        Ok(array)
    }

    /// All values of an array that has one number for each of `bands` bands.
    ///
    /// # Errors
    /// Refuses one that is missing or has another length; fails when it cannot be read.
    pub(super) fn list(&self, name: &str, bands: usize) -> Result<Vec<f64>> {
        let mut array = self.of_bands(name, bands)?;
        let mut values = vec![0.0; bands];
        array.read(&[0], &[bands], &mut values)?;
        Ok(values)
    }

    /// All texts of an array that has one for each of `bands` bands.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub(super) fn texts(&self, name: &str, bands: usize) -> Result<Vec<String>> {
        self.of_bands(name, bands)?.texts(bands)
    }

    fn of_bands(&self, name: &str, bands: usize) -> Result<Array> {
        let array = self.required(name, &["bands"])?;
        match array.shape[0] {
            found if found == bands => Ok(array),
            found => {
                let what = format!("holds {found} values, expected {bands}, one for each band");
                Err(Error::refused(array.place(), what))
            }
        }
    }
}

/// An array. It keeps what it needs of its file open.
pub(super) struct Array {
    place: String,
    handle: GDALMDArrayH,
    /// Names of the dimensions, the slowest first.
    pub(super) dimensions: Vec<String>,
    /// Number of values in each dimension, the slowest first.
    pub(super) shape: Vec<usize>,
    /// Values of one chunk in each dimension; zero, or none at all, where the file has no chunks or GDAL does not tell.
    pub(super) block: Vec<usize>,
    /// GDAL's name for the type of the values, such as `Float32`; `String`.
    pub(super) type_name: String,
    /// The value that means no data.
    pub(super) fill: Option<f64>,
    /// Unit of the values, as the file writes it.
    pub(super) unit: Option<String>,
}

// SAFETY: the handle is one shared pointer of GDAL's; it is used by the thread that owns the array only, and alone.
unsafe impl Send for Array {}

impl Drop for Array {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and released once.
        alone(|| unsafe { gdal_sys::GDALMDArrayRelease(self.handle) });
    }
}

impl Array {
    /// The file and the array's name, for messages.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    fn describe(&mut self) -> Result<()> {
        // SAFETY: the handle is open. Lists have `count` entries when they are not null, and are freed once, as the type is;
        // the unit is a C string of the array's own, or null, and so is a dimension's name.
        let ((sizes, blocks), _) = alone(|| unsafe {
            let mut count = 0;
            let dimensions = gdal_sys::GDALMDArrayGetDimensions(self.handle, &raw mut count);
            let mut sizes = Vec::new();
            if !dimensions.is_null() {
                let list = std::slice::from_raw_parts(dimensions, count);
                sizes.extend(list.iter().map(|&dimension| gdal_sys::GDALDimensionGetSize(dimension)));
                let name = |&dimension| text(gdal_sys::GDALDimensionGetName(dimension)).unwrap_or_default();
                self.dimensions = list.iter().map(name).collect();
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
                self.type_name = type_name(data_type);
                gdal_sys::GDALExtendedDataTypeRelease(data_type);
            }
            let mut has_fill = 0;
            let fill = gdal_sys::GDALMDArrayGetNoDataValueAsDouble(self.handle, &raw mut has_fill);
            self.fill = (has_fill != 0).then_some(fill);
            self.unit = text(gdal_sys::GDALMDArrayGetUnit(self.handle)).filter(|unit| !unit.trim().is_empty());
            (sizes, blocks)
        });
        let whole = |list: Vec<u64>| list.into_iter().map(usize::try_from).collect::<Result<Vec<_>, _>>();
        let too_large = |_| Error::refused(&self.place, "is larger than this machine can address");
        (self.shape, self.block) = (whole(sizes).map_err(too_large)?, whole(blocks).map_err(too_large)?);
        Ok(())
    }

    /// The values of an attribute, as texts; `None` when there is no such attribute.
    pub(super) fn words(&self, attribute: &str) -> Option<Vec<String>> {
        let name = CString::new(attribute).ok()?;
        // SAFETY: array and name live during the calls; an attribute that is not null is ours and released once, and the
        // list of its texts is ours.
        alone(|| unsafe {
            let attribute = gdal_sys::GDALMDArrayGetAttribute(self.handle, name.as_ptr());
            if attribute.is_null() {
                return None;
            }
            let words = taken(gdal_sys::GDALAttributeReadAsStringArray(attribute));
            gdal_sys::GDALAttributeRelease(attribute);
            Some(words)
        })
        .0
    }

    /// Refuses an array without pixels, and sides longer than any product's, which would ask for more memory than there is.
    pub(super) fn check_sides(&self) -> Result<()> {
        match self.shape.iter().all(|side| (1..=MOST).contains(side)) {
            true => Ok(()),
            false => {
                let what = format!("its shape is {:?}, expected sides of 1 to {MOST}", self.shape);
                Err(Error::refused(&self.place, what))
            }
        }
    }

    /// Fills `values` with those from `start` on, `count` in each dimension, the last dimension fastest, turned into `T` by
    /// GDAL.
    ///
    /// # Errors
    /// When these are not within the array, `values` is of another length, or the file cannot be read.
    pub(super) fn read<T: GdalType + bytemuck::Pod>(
        &mut self,
        start: &[usize],
        count: &[usize],
        values: &mut [T],
    ) -> Result<()> {
        let inside =
            |((start, count), size): ((&usize, &usize), &usize)| *count > 0 && start <= size && *count <= size - start;
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
            // that GDAL is told; GDAL checks writes against the buffer's bytes. The type is released once.
            unsafe {
                let memory = gdal_sys::GDALExtendedDataTypeCreate(T::gdal_ordinal());
                self.read_as(memory, &first, count, buffer.cast(), bytes)
            }
        });
        if outcome == 0 || !said.failures.is_empty() {
            let what = format!("GDAL cannot read {count:?} values from {start:?} on: {}", said.text());
            return Err(Error::failed(&self.place, what).hint("the file may be cut off or damaged"));
        }
        Ok(())
    }

    /// Fills a buffer with values of the type `memory`, which is released; 0 when that failed.
    ///
    /// # Safety
    /// The region lies within the array, the buffer has as many values of that type in as many bytes, and the caller is
    /// alone with the file.
    unsafe fn read_as(
        &self,
        memory: GDALExtendedDataTypeH,
        start: &[u64],
        count: &[usize],
        buffer: *mut c_void,
        bytes: usize,
    ) -> c_int {
        let (start, count) = (start.as_ptr(), count.as_ptr());
        // SAFETY: by the caller's word.
        unsafe {
            let outcome =
                gdal_sys::GDALMDArrayRead(self.handle, start, count, null(), null(), memory, buffer, buffer, bytes);
            gdal_sys::GDALExtendedDataTypeRelease(memory);
            outcome
        }
    }

    /// The texts of an array that has one dimension of this length.
    fn texts(&self, length: usize) -> Result<Vec<String>> {
        if self.type_name != "String" {
            return Err(Error::refused(&self.place, format!("holds {}, expected texts", self.type_name)));
        }
        let mut pointers = vec![null_mut::<c_char>(); length];
        let bytes = size_of_val(&pointers[..]);
        let buffer = pointers.as_mut_ptr();
        let ((outcome, texts), said) = alone(|| {
            // SAFETY: the array has `length` texts, in one dimension, and the buffer as many pointers; GDAL checks writes
            // against its bytes. Each pointer is null or a C string of ours, freed once, as the type is released.
            unsafe {
                let memory = gdal_sys::GDALExtendedDataTypeCreateString(0);
                let outcome = self.read_as(memory, &[0], &[length], buffer.cast(), bytes);
                let texts: Vec<String> = pointers.iter().map(|&p| text(p).unwrap_or_default()).collect();
                pointers.iter().for_each(|&p| gdal_sys::VSIFree(p.cast()));
                (outcome, texts)
            }
        });
        match outcome {
            0 => Err(Error::failed(&self.place, format!("GDAL cannot read its texts: {}", said.text()))),
            _ => Ok(texts),
        }
    }
}

/// A copy of a C string; `None` for null.
///
/// # Safety
/// The pointer is null or of a C string.
unsafe fn text(pointer: *const c_char) -> Option<String> {
    // SAFETY: by the caller's word.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// A copy of GDAL's list of texts, which is freed.
///
/// # Safety
/// The list is null, or ends with a null, and belongs to the caller.
unsafe fn taken(list: *mut *mut c_char) -> Vec<String> {
    // SAFETY: by the caller's word; nothing behind the null is looked at. The list is freed once; null does no harm.
    unsafe {
        let mut texts = Vec::new();
        while let Some(next) = (!list.is_null()).then(|| text(*list.add(texts.len()))).flatten() {
            texts.push(next);
        }
        gdal_sys::CSLDestroy(list);
        texts
    }
}

/// GDAL's name for a type: of numbers theirs, `String`, or `Compound`.
///
/// # Safety
/// The type is open.
unsafe fn type_name(data_type: GDALExtendedDataTypeH) -> String {
    // SAFETY: by the caller's word; a name is a static string, or null.
    unsafe {
        match gdal_sys::GDALExtendedDataTypeGetClass(data_type) {
            GDALExtendedDataTypeClass::GEDTC_NUMERIC => {
                let number: GDALDataType::Type = gdal_sys::GDALExtendedDataTypeGetNumericDataType(data_type);
                text(gdal_sys::GDALGetDataTypeName(number)).unwrap_or_else(|| "unknown".to_owned())
            }
            GDALExtendedDataTypeClass::GEDTC_STRING => "String".to_owned(),
            _ => "Compound".to_owned(),
        }
    }
}
