//! How cases are timed: in turns, because machines are noisy and what disturbs one case should disturb its rivals too.

use std::time::{Duration, Instant};

/// A thing to time, in turn with others.
pub(crate) struct Timed<'a> {
    /// Runs it once; gives the seconds that it took.
    run: Box<dyn FnMut() -> f64 + 'a>,
    repeats: usize,
    /// Runs that come before the one that counts.
    before: usize,
    /// What comes before all.
    pause: Duration,
    /// What was measured.
    pub(crate) seconds: Vec<f64>,
}

impl<'a> Timed<'a> {
    /// What measures itself.
    pub(crate) fn new(repeats: usize, run: impl FnMut() -> f64 + 'a) -> Self {
        Self { run: Box::new(run), repeats, before: 0, pause: Duration::ZERO, seconds: Vec::with_capacity(repeats) }
    }

    /// What is measured here.
    pub(crate) fn of(repeats: usize, mut run: impl FnMut() + 'a) -> Self {
        Self::new(repeats, move || seconds(&mut run))
    }

    /// The same, running once before each time that counts: what was there before has left the caches then, as it has in
    /// a run over a thousand tiles.
    pub(crate) fn warmed(self) -> Self {
        Self { before: 1, ..self }
    }

    /// The same, each time after a pause: threads of who ran before may still wait for more work in a loop (OpenBLAS's for some
    /// 30 ms, OpenMP's for 200).
    pub(crate) fn rested(self) -> Self {
        Self { pause: Duration::from_millis(300), ..self }
    }
}

/// Seconds that something takes.
pub(crate) fn seconds(run: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    run();
    begun.elapsed().as_secs_f64()
}

/// Runs all in turns, `between` after each round.
pub(crate) fn in_turns<'a: 'b, 'b>(timed: &mut [&'b mut Timed<'a>], mut between: impl FnMut()) {
    let rounds = timed.iter().map(|t| t.repeats).max().unwrap_or(0);
    for round in 0..rounds {
        for one in timed.iter_mut().filter(|t| round < t.repeats) {
            std::thread::sleep(one.pause);
            for _ in 0..one.before {
                (one.run)();
            }
            let seconds = (one.run)();
            one.seconds.push(seconds);
        }
        between();
    }
}
