//! HDF5 files, netCDF-4 among them: which product one is follows from its groups and variables, not from its name.

use std::path::Path;

use crate::error::{Error, Result};
use crate::scene::multidim::File;
use crate::scene::product::Product;
use crate::scene::{aviris, emit, prisma};

/// The product that a file holds; `None` when it is none that is known, or another than the user says.
///
/// # Errors
/// Refuses other levels of a product by name, unless the user says what it is.
pub(super) fn recognise(path: &Path, forced: Option<Product>) -> Result<Option<Product>> {
    Ok(match forced {
        Some(Product::PrismaL2d | Product::EmitL2a | Product::AvirisL2a) => forced,
        Some(_) => None,
        None if prisma::recognise(path)? => Some(Product::PrismaL2d),
        None if aviris::recognise(path) => Some(Product::AvirisL2a),
        None => emit::recognise(path).then_some(Product::EmitL2a),
    })
}

/// The refusal of a file that holds no product that is known: what it holds, or that it cannot be opened.
pub(super) fn refusal(path: &Path) -> Error {
    let file = match File::open_netcdf(path) {
        Ok(file) => file,
        Err(error) => match File::open_hdf5(path) {
            Ok(file) => file,
            Err(_) => return error,
        },
    };
    let shown = |names: Vec<String>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let what = format!(
        "is a netCDF-4 or HDF5 file of no product that is known (groups: {}; variables: {}); expected EMIT L2A, AVIRIS L2A or PRISMA L2D",
        shown(file.groups()),
        shown(file.arrays())
    );
    Error::refused(path.display(), what).hint("convert it to an ENVI cube or a GeoTIFF")
}
