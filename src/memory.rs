//! How memory is had from the system and given back.
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

/// Asks for huge pages below what was just allocated, as the processor then looks up fewer of them. Only on Linux, and only
/// of what holds any; without, nothing is lost but time.
pub(crate) fn on_huge_pages(bytes: &[u8]) {
    #[cfg(target_os = "linux")]
    {
        const HUGE: usize = 2 << 20;
        let begin = bytes.as_ptr().align_offset(HUGE);
        let length = bytes.len().saturating_sub(begin) / HUGE * HUGE;
        if length > 0 {
            // SAFETY: whole pages of memory that is ours; how they are mapped changes no value.
            unsafe {
                libc::madvise(bytes.as_ptr().add(begin).cast_mut().cast(), length, libc::MADV_HUGEPAGE);
            }
        }
    }
}
