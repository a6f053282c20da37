//! Writes netCDF-4 files through GDAL's multidimensional API, for fixtures and benches.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::HashMap;
use std::ffi::{CString, c_char};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::MutexGuard;

use gdal::cpl::CslStringList;
use gdal::raster::GdalType;
use gdal_sys::{GDALDatasetH, GDALDimensionH, GDALGroupH, GDALMDArrayH};

/// A file that is being written; it is complete when it is dropped.
pub(crate) struct Netcdf {
    dataset: GDALDatasetH,
    root: GDALGroupH,
    groups: HashMap<String, GDALGroupH>,
    dimensions: HashMap<String, GDALDimensionH>,
    /// Given up last, when the file is closed.
    _held: MutexGuard<'static, ()>,
}

/// A variable to write: `group/name`, and its dimensions, which are made where they are not there yet.
#[derive(Clone, Copy, Default)]
pub(crate) struct Variable<'a> {
    pub(crate) name: &'a str,
    pub(crate) dimensions: &'a [(&'a str, usize)],
    /// Lengths of a chunk, deflated; none for one contiguous piece.
    pub(crate) chunk: Option<&'a [usize]>,
    pub(crate) fill: Option<f64>,
    pub(crate) unit: Option<&'a str>,
}

/// An array that was made.
pub(crate) struct Array(GDALMDArrayH);

fn c(text: &str) -> CString {
    CString::new(text).expect("no zero within")
}

impl Netcdf {
    pub(crate) fn create(path: &Path) -> Self {
        let path = c(path.to_str().expect("a plain path"));
        let held = alunite::scene::hold_hdf5();
        // Registers all drivers once. Two threads that do so at once end the process or never end.
        let driver = gdal::DriverManager::get_driver_by_name("netCDF").expect("GDAL with netCDF");
        // SAFETY: the strings outlive the calls; the dataset is closed when this is dropped, after its root group.
        let (dataset, root) = unsafe {
            let dataset =
                gdal_sys::GDALCreateMultiDimensional(driver.c_driver(), path.as_ptr(), null_mut(), null_mut());
            assert!(!dataset.is_null(), "{path:?} cannot be made");
            (dataset, gdal_sys::GDALDatasetGetRootGroup(dataset))
        };
        assert!(!root.is_null());
        Self { dataset, root, groups: HashMap::new(), dimensions: HashMap::new(), _held: held }
    }

    fn group(&mut self, name: &str) -> GDALGroupH {
        if name.is_empty() {
            return self.root;
        }
        let root = self.root;
        *self.groups.entry(name.to_owned()).or_insert_with(|| {
            // SAFETY: the root group is live, and the name outlives the call.
            let group = unsafe { gdal_sys::GDALGroupCreateGroup(root, c(name).as_ptr(), null_mut()) };
            assert!(!group.is_null(), "the group {name}");
            group
        })
    }

    fn dimension(&mut self, name: &str, size: usize) -> GDALDimensionH {
        let root = self.root;
        *self.dimensions.entry(name.to_owned()).or_insert_with(|| {
            let name = c(name);
            // SAFETY: the root group is live, and the name outlives the call; type and direction may be null.
            let made = unsafe {
                gdal_sys::GDALGroupCreateDimension(root, name.as_ptr(), null(), null(), size as u64, null_mut())
            };
            assert!(!made.is_null(), "the dimension {name:?}");
            made
        })
    }

    /// Makes an array of numbers.
    pub(crate) fn array<T: GdalType>(&mut self, variable: Variable<'_>) -> Array {
        // SAFETY: makes a description of a type, released below.
        let kind = unsafe { gdal_sys::GDALExtendedDataTypeCreate(T::gdal_ordinal()) };
        self.made(variable, kind)
    }

    fn made(&mut self, variable: Variable<'_>, kind: gdal_sys::GDALExtendedDataTypeH) -> Array {
        let (group, name) = variable.name.rsplit_once('/').unwrap_or(("", variable.name));
        let group = self.group(group);
        let mut dimensions: Vec<GDALDimensionH> =
            variable.dimensions.iter().map(|&(name, size)| self.dimension(name, size)).collect();
        let mut options = CslStringList::new();
        if let Some(chunk) = variable.chunk {
            let sizes = chunk.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
            options.set_name_value("BLOCKSIZE", &sizes).expect("an option");
            options.set_name_value("COMPRESS", "DEFLATE").expect("an option");
            options.set_name_value("ZLEVEL", "4").expect("an option");
        }
        let (name, unit) = (c(name), variable.unit.map(c));
        // SAFETY: group and dimensions are live, strings and options outlive the calls; the type is released once, and
        // not used after.
        unsafe {
            let array = gdal_sys::GDALGroupCreateMDArray(
                group,
                name.as_ptr(),
                dimensions.len(),
                dimensions.as_mut_ptr(),
                kind,
                options.as_ptr(),
            );
            gdal_sys::GDALExtendedDataTypeRelease(kind);
            assert!(!array.is_null(), "the array {name:?}");
            if let Some(fill) = variable.fill {
                assert!(gdal_sys::GDALMDArraySetNoDataValueAsDouble(array, fill) != 0);
            }
            if let Some(unit) = &unit {
                assert!(gdal_sys::GDALMDArraySetUnit(array, unit.as_ptr()) != 0);
            }
            Array(array)
        }
    }

    /// Makes and writes an array of numbers.
    pub(crate) fn numbers<T: GdalType>(&mut self, variable: Variable<'_>, values: &[T]) {
        let count: Vec<usize> = variable.dimensions.iter().map(|d| d.1).collect();
        self.array::<T>(variable).write(&vec![0; count.len()], &count, values);
    }

    /// Makes and writes an array of texts.
    pub(crate) fn texts(&mut self, variable: Variable<'_>, texts: &[&str]) {
        // SAFETY: makes a description of a type; `made` releases it, and another is released below.
        let (kind, of_buffer) =
            unsafe { (gdal_sys::GDALExtendedDataTypeCreateString(0), gdal_sys::GDALExtendedDataTypeCreateString(0)) };
        let array = self.made(variable, kind);
        let owned: Vec<CString> = texts.iter().map(|t| c(t)).collect();
        let pointers: Vec<*const c_char> = owned.iter().map(|t| t.as_ptr()).collect();
        assert_eq!(pointers.len(), variable.dimensions[0].1);
        // SAFETY: the array has one dimension of as many texts as there are pointers, all of which outlive the call.
        unsafe {
            let written = gdal_sys::GDALMDArrayWrite(
                array.0,
                [0_u64].as_ptr(),
                [texts.len()].as_ptr(),
                null(),
                null(),
                of_buffer,
                pointers.as_ptr().cast(),
                null(),
                0,
            );
            gdal_sys::GDALExtendedDataTypeRelease(of_buffer);
            assert!(written != 0, "{texts:?}");
        }
    }

    /// Writes an attribute of the file: a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        let (name, text) = (c(name), c(text));
        // SAFETY: the root group is live and the strings outlive the calls; type and attribute are released once.
        unsafe {
            let kind = gdal_sys::GDALExtendedDataTypeCreateString(0);
            let made = gdal_sys::GDALGroupCreateAttribute(self.root, name.as_ptr(), 0, null(), kind, null_mut());
            gdal_sys::GDALExtendedDataTypeRelease(kind);
            assert!(!made.is_null() && gdal_sys::GDALAttributeWriteString(made, text.as_ptr()) != 0, "{name:?}");
            gdal_sys::GDALAttributeRelease(made);
        }
    }

    /// Writes an attribute of the file: a list of numbers.
    pub(crate) fn list(&mut self, name: &str, numbers: &[f64]) {
        let name = c(name);
        // SAFETY: as in `text`; the slice has as many numbers as the attribute.
        unsafe {
            let kind = gdal_sys::GDALExtendedDataTypeCreate(f64::gdal_ordinal());
            let length = [numbers.len() as u64];
            let made =
                gdal_sys::GDALGroupCreateAttribute(self.root, name.as_ptr(), 1, length.as_ptr(), kind, null_mut());
            gdal_sys::GDALExtendedDataTypeRelease(kind);
            assert!(!made.is_null());
            assert!(gdal_sys::GDALAttributeWriteDoubleArray(made, numbers.as_ptr(), numbers.len()) != 0, "{name:?}");
            gdal_sys::GDALAttributeRelease(made);
        }
    }
}

impl Array {
    /// Writes an attribute: a text.
    pub(crate) fn text(&self, name: &str, text: &str) {
        let (name, text) = (c(name), c(text));
        // SAFETY: the array is live and the strings outlive the calls; type and attribute are released once.
        unsafe {
            let kind = gdal_sys::GDALExtendedDataTypeCreateString(0);
            let made = gdal_sys::GDALMDArrayCreateAttribute(self.0, name.as_ptr(), 0, null(), kind, null_mut());
            gdal_sys::GDALExtendedDataTypeRelease(kind);
            assert!(!made.is_null() && gdal_sys::GDALAttributeWriteString(made, text.as_ptr()) != 0, "{name:?}");
            gdal_sys::GDALAttributeRelease(made);
        }
    }

    /// Writes a box, `count` values from `start` along each dimension, the last running fastest.
    pub(crate) fn write<T: GdalType>(&self, start: &[usize], count: &[usize], values: &[T]) {
        assert_eq!(values.len(), count.iter().product::<usize>());
        let start: Vec<u64> = start.iter().map(|&s| s as u64).collect();
        // SAFETY: the array is live; start and count have one number a dimension, and the slice holds the box.
        unsafe {
            let kind = gdal_sys::GDALExtendedDataTypeCreate(T::gdal_ordinal());
            let written = gdal_sys::GDALMDArrayWrite(
                self.0,
                start.as_ptr(),
                count.as_ptr(),
                null(),
                null(),
                kind,
                values.as_ptr().cast(),
                null(),
                0,
            );
            gdal_sys::GDALExtendedDataTypeRelease(kind);
            assert!(written != 0, "{start:?} {count:?}");
        }
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        // SAFETY: released once.
        unsafe { gdal_sys::GDALMDArrayRelease(self.0) }
    }
}

impl Drop for Netcdf {
    fn drop(&mut self) {
        // SAFETY: every handle is released once, the dataset last.
        unsafe {
            self.dimensions.values().for_each(|&d| gdal_sys::GDALDimensionRelease(d));
            self.groups.values().for_each(|&g| gdal_sys::GDALGroupRelease(g));
            gdal_sys::GDALGroupRelease(self.root);
            gdal_sys::GDALClose(self.dataset);
        }
    }
}
