//! alunite: mineral maps from hyperspectral scenes.
pub mod cli;
pub mod compute;
pub mod envi;
pub mod error;
pub mod grid;
pub mod library;
pub mod map;
pub mod methods;
pub mod pipeline;
pub mod scene;
pub mod spectrum;
pub mod synthetic;
pub mod tile;
pub mod wavelengths;
