//! The GPU that tests run on, and the policy for machines without one.

use alunite::compute::gpu::{AdapterKind, Device, adapters, select};

/// A fresh device, or `None` where the policy allows to go without (said on stderr, never silently).
///
/// `ALUNITE_GPU`: `require` fails without an adapter (as `make test` does), `auto` goes without, `off` never asks.
/// A software adapter is preferred, because its answers are the same everywhere; `ALUNITE_ADAPTER` names another.
pub(crate) fn device() -> Option<Device> {
    let policy = std::env::var("ALUNITE_GPU").unwrap_or_else(|_| "auto".into());
    assert!(["require", "auto", "off"].contains(&policy.as_str()), "ALUNITE_GPU is '{policy}': require, auto or off");
    if policy == "off" {
        eprintln!("GPU test left out: ALUNITE_GPU=off");
        return None;
    }
    let named = std::env::var("ALUNITE_ADAPTER").ok();
    let software = adapters().into_iter().find(|a| a.kind == AdapterKind::Software).map(|a| a.name);
    match select(named.or(software).as_deref()) {
        Ok(Some(device)) => Some(device),
        missing if policy == "require" => panic!(
            "ALUNITE_GPU=require and no adapter: install a Vulkan driver (mesa-vulkan-drivers); {:?}",
            missing.err().map(|e| e.to_string())
        ),
        _ => {
            eprintln!("GPU test left out: no adapter");
            None
        }
    }
}
