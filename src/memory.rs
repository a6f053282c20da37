//! What the allocator keeps of what was freed.
//!
//! glibc gives every thread an arena of its own and keeps what large blocks left in it: after the pass over a large scene a
//! third of the memory at its end was kept for nobody. One arena serves as fast, as threads here allocate little and large.

/// Has all threads share one arena. For the beginning of a program, while there is one thread; only with glibc.
pub fn one_arena() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets a number within the allocator; no other thread allocates yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives the system back what was freed, between stages that allocate in other sizes; only with glibc.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes the allocator's own lock, and no block that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}
