//! Memory that comes to the cache while something else is computed.

/// Bytes of a line of the caches.
const LINE: usize = 64;

/// Bytes that will be read soon, fetched a line or two for every step of a kernel: so a core computes and waits for memory at
/// once. Many at a time would be waited for. `MOST` lines a step, one or two: each takes the place of a load.
pub(crate) struct Ahead<const MOST: usize> {
    /// Address of the next line.
    next: usize,
    /// Lines that are left.
    lines: usize,
    /// Lines a step.
    a_step: usize,
}

impl<const MOST: usize> Ahead<MOST> {
    /// For a kernel of so many steps.
    pub(crate) fn of(bytes: &[u8], steps: usize) -> Self {
        let lines = bytes.len().div_ceil(LINE);
        let a_step = if MOST > 1 && lines > steps { 2 } else { 1 };
        Self { next: bytes.as_ptr().addr(), lines, a_step }
    }

    /// The lines of some steps that come now. Where too few are left, these are again and again what is `near`, which is in
    /// the cache: as good as none, without a branch in every step.
    #[inline(always)]
    pub(crate) fn lines<T>(&mut self, steps: usize, near: &[T]) -> Lines<MOST> {
        let lines = self.a_step * steps;
        if self.lines < lines {
            return Lines { next: near.as_ptr().addr(), second: 0, step: 0 };
        }
        let next = self.next;
        self.next += lines * LINE;
        self.lines -= lines;
        Lines { next, second: (self.a_step - 1) * LINE, step: self.a_step * LINE }
    }
}

/// Lines that are fetched step by step.
pub(crate) struct Lines<const MOST: usize> {
    next: usize,
    /// Bytes to the other line of the step, if it has one.
    second: usize,
    /// Bytes to the next step's.
    step: usize,
}

impl<const MOST: usize> Lines<MOST> {
    /// Has those of a step fetched.
    #[inline(always)]
    pub(crate) fn fetch(&mut self) {
        fetch(self.next);
        if MOST > 1 {
            fetch(self.next + self.second);
        }
        self.next += self.step;
    }
}

/// Has the line at an address brought to the second-level cache, on processors that have a word for it. It is said in
/// assembly, as the compiler keeps no sums in registers across its own function for it.
#[inline(always)]
fn fetch(_address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: neither reads nor writes what a program sees, and faults at no address.
    unsafe {
        std::arch::asm!("prefetcht1 [{}]", in(reg) _address, options(nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the same.
    unsafe {
        std::arch::asm!("prfm pldl2keep, [{}]", in(reg) _address, options(nomem, nostack, preserves_flags));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that a kernel of some passes fetches, but for those that are near.
    fn fetched<const MOST: usize>(bytes: &[u8], passes: usize, steps: usize) -> Vec<usize> {
        let near = [0_u8; LINE];
        let mut ahead = Ahead::<MOST>::of(bytes, passes * steps);
        let mut found = Vec::new();
        for _ in 0..passes {
            let mut lines = ahead.lines(steps, &near);
            for _ in 0..steps {
                found.extend([lines.next, lines.next + lines.second]);
                lines.fetch();
            }
        }
        found.retain(|line| *line != near.as_ptr().addr());
        found.dedup();
        found.iter().map(|line| (line - bytes.as_ptr().addr()) / LINE).collect()
    }

    #[test]
    fn every_line_comes_once_and_in_order_where_steps_suffice() {
        let bytes = vec![0; 24 * LINE];
        for (passes, steps) in [(1, 12), (2, 12), (4, 12), (1, 24), (3, 8)] {
            assert_eq!(fetched::<2>(&bytes, passes, steps), (0..24).collect::<Vec<_>>(), "{passes} passes of {steps}");
        }
        // Never more than allowed a step, and none beyond the end.
        assert_eq!(fetched::<1>(&bytes, 1, 6), (0..6).collect::<Vec<_>>());
        assert_eq!(fetched::<2>(&bytes, 1, 6), (0..12).collect::<Vec<_>>());
        assert_eq!(fetched::<2>(&bytes[..7 * LINE], 1, 12), Vec::<usize>::new());
        assert_eq!(fetched::<2>(&[], 2, 5), Vec::<usize>::new());
    }
}
