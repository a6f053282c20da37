//! `alunite devices`

use super::{Exit, print, print_json};
use crate::compute::gpu::{AdapterKind, adapters};
use crate::error::Result;

/// List the processors that can map: the adapters and the CPU.
#[derive(Debug, clap::Args)]
pub(super) struct Devices {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Devices) -> Result<Exit> {
    let adapters = adapters();
    if args.json {
        return print_json(&adapters).map(|()| Exit::Done);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut text = String::new();
    let chosen = adapters.iter().position(|a| a.kind == AdapterKind::Hardware);
    for (i, adapter) in adapters.iter().enumerate() {
        let mark = if Some(i) == chosen { "*" } else { " " };
        text.push_str(&format!("{mark} {adapter}, buffers to {} MiB\n", adapter.max_binding_bytes >> 20));
    }
    let mark = if chosen.is_none() { "*" } else { " " };
    text.push_str(&format!("{mark} CPU, {cores} threads\n* is what --backend auto takes; a software adapter is taken only when --adapter names it\n"));
    print(&text).map(|()| Exit::Done)
}
