//! GDAL's transformation between the pixels of two rasters, as `gdalwarp` has it.

use std::ffi::{CString, c_int, c_void};

use gdal::DriverManager;
use gdal_sys::CPLErr;

/// Pixel coordinates of a source to those of a target and back: by the geotransforms, which may be rotated, and the
/// coordinate reference systems.
pub(super) struct Transformer {
    /// The approximating transformer, which owns the exact one.
    handle: *mut c_void,
    /// The exact one.
    exact: *mut c_void,
    z: Vec<f64>,
    found: Vec<c_int>,
}

/// The place of a raster: its CRS as WKT, and its geotransform.
pub(super) type Place<'a> = (&'a str, &'a [f64; 6]);

impl Transformer {
    /// Along a line of target pixels, coordinates may err by `max_error` source pixels; 0 for none.
    ///
    /// `None` when there is no way from one CRS to the other; GDAL then says why to whoever records.
    pub(super) fn new(source: Place<'_>, target: Place<'_>, max_error: f64) -> Option<Self> {
        let (from, to) = (CString::new(source.0).ok()?, CString::new(target.0).ok()?);
        // SAFETY: the strings and the six numbers of each geotransform outlive the calls, which copy them. The approximating
        // transformer takes the exact one over, so that each is destroyed once, by `drop` or here.
        unsafe {
            let (from_place, to_place) = (source.1.as_ptr(), target.1.as_ptr());
            let exact = gdal_sys::GDALCreateGenImgProjTransformer3(from.as_ptr(), from_place, to.as_ptr(), to_place);
            if exact.is_null() {
                return None;
            }
            let function = Some(gdal_sys::GDALGenImgProjTransform as _);
            let handle = gdal_sys::GDALCreateApproxTransformer(function, exact, max_error);
            if handle.is_null() {
                gdal_sys::GDALDestroyGenImgProjTransformer(exact);
                return None;
            }
            gdal_sys::GDALApproxTransformerOwnsSubtransformer(handle, 1);
            Some(Self { handle, exact, z: Vec::new(), found: Vec::new() })
        }
    }

    /// Turns pixel coordinates of the target into those of the source, in place; of each point, whether it has one.
    pub(super) fn source_of(&mut self, x: &mut [f64], y: &mut [f64]) -> &[c_int] {
        self.transform(true, x, y)
    }

    /// Turns pixel coordinates of the source into those of the target, in place; of each point, whether it has one.
    pub(super) fn target_of(&mut self, x: &mut [f64], y: &mut [f64]) -> &[c_int] {
        self.transform(false, x, y)
    }

    fn transform(&mut self, back: bool, x: &mut [f64], y: &mut [f64]) -> &[c_int] {
        let points = x.len().min(y.len());
        self.z.clear();
        self.z.resize(points, 0.0);
        self.found.clear();
        self.found.resize(points, 0);
        let Ok(count) = c_int::try_from(points) else { return &self.found };
        // SAFETY: the handle is live; all four arrays hold `count` values, which GDAL reads and overwrites.
        unsafe {
            let (x, y, z) = (x.as_mut_ptr(), y.as_mut_ptr(), self.z.as_mut_ptr());
            gdal_sys::GDALApproxTransform(self.handle, c_int::from(back), count, x, y, z, self.found.as_mut_ptr());
        }
        &self.found
    }

    /// The side of a square target pixel with which the source, of `(samples, lines)`, keeps its resolution, when the target's
    /// pixels are units of its CRS.
    pub(super) fn suggested_side(&self, source: Place<'_>, (samples, lines): (usize, usize)) -> Option<f64> {
        let driver = DriverManager::get_driver_by_name("MEM").ok()?;
        // Without a band, it takes no memory.
        let mut raster = driver.create_with_band_type::<u8, _>("", samples, lines, 0).ok()?;
        raster.set_geo_transform(source.1).ok()?;
        let (mut place, mut width, mut height) = ([0.0; 6], 0, 0);
        // SAFETY: raster and transformer are live; GDAL writes six numbers and two sizes where it is told to.
        let code = unsafe {
            let function = Some(gdal_sys::GDALGenImgProjTransform as _);
            let (raster, place) = (raster.c_dataset(), place.as_mut_ptr());
            gdal_sys::GDALSuggestedWarpOutput(raster, function, self.exact, place, &raw mut width, &raw mut height)
        };
        (code == CPLErr::CE_None && place[1].is_finite() && place[1] > 0.0).then_some(place[1])
    }
}

impl Drop for Transformer {
    fn drop(&mut self) {
        // SAFETY: destroyed once, with the exact transformer that it owns.
        unsafe { gdal_sys::GDALDestroyApproxTransformer(self.handle) }
    }
}
