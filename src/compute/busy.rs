//! Where the time of a device goes.

use std::time::Duration;

use serde::Serialize;

/// What a device did since it was made. Its parts overlap with reading and writing, and may overlap with each other.
#[derive(Debug, Clone, Copy)]
pub struct Busy {
    /// Copying tiles to the device and results back, on the host and on the device.
    pub moving: Duration,
    /// Running kernels.
    pub computing: Duration,
    /// Deciding on the host what the device has ranked.
    pub deciding: Duration,
    /// Who says so.
    pub clock: Clock,
}

/// Who tells copies on the device from kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The device's timestamps.
    Device,
    /// Nobody: what the host waits for the device counts as computing.
    Host,
}
