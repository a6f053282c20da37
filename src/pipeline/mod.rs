//! A run: plan, map, finish. Each is a function that can be run by itself.
//!
//! [`fn@plan`] reads headers and libraries and fixes everything that decides the result; [`map`]
//! reads, maps and publishes tiles as parts; [`fn@finish`] puts the parts together. A part that is there
//! and checks out is not made again, so a run that was killed goes on where it was.

mod bands;
mod finish;
mod part;
mod plan;
mod report;
mod run;
mod targets;
mod windows;

pub use bands::Dropped;
pub use finish::{Finished, finish, outputs};
pub use plan::{Ceiling, Plan, Planned, Request, ThresholdSource, plan};
pub use report::{ClassCount, Report};
pub use run::{BackendChoice, Mapped, Opened, Settings, map, open_backend};
pub use targets::Threshold;
pub use windows::Limits;

/// What a run tells whoever watches it. The library itself prints nothing.
pub trait Observer: Sync {
    /// A sentence that the user should see: a default that was assumed, a fallback that was taken.
    fn note(&self, text: &str);
    /// Mapping begins: pixels in all, and those that parts of an earlier run already hold.
    fn started(&self, pixels: u64, resumed: u64);
    /// A tile of so many pixels is done.
    fn advanced(&self, pixels: u64);
    /// Mapping is done; the maps are being put together.
    fn finishing(&self);
}

/// Watches and says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {
    fn note(&self, _text: &str) {}
    fn started(&self, _pixels: u64, _resumed: u64) {}
    fn advanced(&self, _pixels: u64) {}
    fn finishing(&self) {}
}
