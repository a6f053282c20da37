//! A run: plan, statistics, map, finish. Each is a function that can be run by itself.
//!
//! [`check()`] tells what stands against a run. [`fn@plan`] reads headers and libraries and fixes everything that decides the result; [`prepare`] makes the background
//! that methods need, in one or more passes over the scene, and the task of the devices; [`fn@false_alarms`] measures, when
//! asked, how targets score on it, and fixes their thresholds; [`fn@begin`] begins the maps; [`map`] reads, maps and publishes
//! tiles as parts, and adds some to the maps at once; [`fn@finish`] adds the others. A part that is there and checks out is
//! not made again, so a run that was killed in any pass goes on where it was.
//!
//! [`plan_mosaic`] and [`finish_mosaic`] do for several scenes what [`fn@plan`] and [`fn@finish`] do for one; between them
//! each scene is prepared and mapped as it is alone.

mod agreement;
mod atmosphere;
mod bands;
mod begin;
mod bench;
mod check;
mod class_spectra;
mod cover;
mod device;
mod false_alarms;
mod finish;
mod gather;
mod geometry;
mod grounds;
mod maps;
mod method_maps;
mod mosaic;
mod orthorectify;
mod overlap;
pub(crate) mod part;
mod plan;
mod report;
mod request;
mod run;
mod scan;
mod sheet;
mod source_map;
mod statistics;
mod stats;
mod targets;
mod windows;
mod workers;
mod zone_map;

pub use bands::Dropped;
pub use begin::{Begun, begin};
pub use bench::{Bench, Comparison, Stage, Timed, bench};
pub use check::{Check, Detectability, Fate, Finding, Lacking, Level, Pair, Sampled, check};
pub use class_spectra::{ClassSpectra, SPECTRA, class_spectra, write_spectra};
pub use device::{BackendChoice, Opened, Pass, Processor, Settings};
pub use false_alarms::{FalseAlarms, RateReport, false_alarms};
pub use finish::{Finished, TARGETS, finish, outputs};
pub use geometry::Geometry;
pub use grounds::{BackgroundChoice, Grounds, prepare};
pub use mosaic::{
    ClassThreshold, Extent, FinishedMosaic, Layout, Mosaic, MosaicReport, Overlap, Resolution, SceneReport,
    SceneThresholds, Sharing, finish_mosaic, plan_mosaic,
};
pub use part::remove_parts;
pub use plan::{Ceiling, Plan, Planned, PlannedMethod, ThresholdSource, plan};
pub use report::{ClassCount, MapReport, Report};
pub use request::Request;
pub use run::{Mapped, map};
pub use stats::{Shard, statistics};
pub use targets::{Rate, Threshold};
pub use windows::Limits;
pub use zone_map::{ZoneReport, Zones, ZonesReport};

/// What a run tells whoever watches it. The library itself prints nothing.
pub trait Observer: Sync {
    /// A sentence that the user should see: a default that was assumed, a fallback that was taken.
    fn note(&self, text: &str);
    /// A pass begins: what it does, pixels in all, and those that parts of an earlier run already hold.
    fn started(&self, doing: &str, pixels: u64, resumed: u64);
    /// A tile of so many pixels is done.
    fn advanced(&self, pixels: u64);
    /// All passes are done; the maps are being put together.
    fn finishing(&self);
}

/// Watches and says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {
    fn note(&self, _text: &str) {}
    fn started(&self, _doing: &str, _pixels: u64, _resumed: u64) {}
    fn advanced(&self, _pixels: u64) {}
    fn finishing(&self) {}
}
