//! Alteration zones: minerals grouped by what formed them.
//!
//! ```text
//! rules (TOML) -> Rules --+
//! names of targets -------+--> Zoning: which zone a pixel's minerals make
//! methods and thresholds -+
//! ```
//!
//! A library calls a mineral by many names; `minerals` of the rules lists them, and a name that no word or more than one
//! species claims belongs to none, and is told.

mod rules;
mod zoning;

pub use rules::{Rules, Species, Zone};
pub use zoning::{Found, Named, Zoning};
