//! alunite: mineral maps from hyperspectral scenes.
pub mod compute;
pub mod error;
pub mod grid;
pub mod library;
pub mod methods;
pub mod scene;
pub mod spectrum;
pub mod tile;
