//! What the benches share: the arrays, how cases are timed, what the machine can do, and where rows go.

#![allow(dead_code, reason = "each bench uses a part of it")]

pub(crate) mod arguments;
pub(crate) mod arrays;
pub(crate) mod ceilings;
pub(crate) mod emit;
pub(crate) mod ground;
pub(crate) mod library;
pub(crate) mod machine;
#[path = "../../tests/common/netcdf.rs"]
pub(crate) mod netcdf;
pub(crate) mod process;
pub(crate) mod record;
pub(crate) mod row;
pub(crate) mod run;
pub(crate) mod scene;
pub(crate) mod sensor;
pub(crate) mod tables;
pub(crate) mod tiff;
pub(crate) mod timing;
