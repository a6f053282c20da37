//! Scenes: every layout reads to the same tile, wrong files are refused by name, real files are described right.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

mod aviris;
#[path = "../common/mod.rs"]
mod common;
mod cube;
mod deliveries;
mod desis;
#[path = "../common/emit.rs"]
mod emit;
#[path = "emit.rs"]
mod emit_l2a;
mod enmap;
mod hyperion;
mod layouts;
#[path = "../common/netcdf.rs"]
mod netcdf;
mod prisma;
mod real;
mod refusals;
mod survey;
mod tiffs;
