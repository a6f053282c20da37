//! alunite: mineral maps from hyperspectral scenes.
pub mod error;
pub mod grid;
pub mod library;
pub mod map;
pub mod scene;
pub mod spectrum;
pub mod tile;
