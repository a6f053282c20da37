//! A pass by workers of whom each reads a tile, works on it and hands on what came out: what is read stays in the core that
//! works on it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use tracing::info_span;

use super::scan::{Reading, Shared, Spent, ended, opened, spawn, spawn_writer};
use crate::error::{Error, Result};
use crate::tile::{Tile, Window};

/// Bytes of a tile that is read, mapped and read over within a core's caches.
const SMALL: usize = 1 << 20;

/// A window cut into stripes of whole lines, as high as a small tile of `line` bytes a line.
pub(super) fn stripes(window: Window, line: usize) -> impl Iterator<Item = Window> {
    let height = (SMALL / line.max(1)).max(1);
    let end = window.y + window.height;
    (window.y..end).step_by(height).map(move |y| Window { y, height: height.min(end - y), ..window })
}

/// Reads tiles in turns, in the order of the windows, has each worker make something of its own, and `write` keep it.
/// `beside` runs in a thread of its own meanwhile. As many results as tiles may be `ahead` wait for the writer.
///
/// # Errors
/// The first that a thread had.
pub(super) fn scan_by_workers<R: Send, B: Send>(
    reading: Reading<'_>,
    workers: Vec<impl FnMut(&Tile) -> Result<R> + Send>,
    write: impl FnMut(usize, R) -> Result<()> + Send,
    beside: impl FnOnce(&Shared) -> Result<B> + Send,
) -> Result<(Spent, B)> {
    reading.set_cache();
    let Reading { scene, bands, windows, todo, ahead, hash } = reading;
    let (shared, readers) = (Shared::default(), workers.len().max(1));
    let turns = Mutex::new((opened(scene, bands, hash)?, todo.into_iter()));
    let (worked, to_write) = bounded::<(usize, R)>(ahead);
    let (spent, writing, beside) = std::thread::scope(|scope| {
        let beside = spawn(scope, &shared, "beside".into(), || beside(&shared));
        let writer = spawn_writer(scope, &shared, windows, to_write, write);
        let started = workers.into_iter().enumerate().map(|(i, mut work)| {
            let (turns, worked, shared) = (&turns, worked.clone(), &shared);
            let mut run = move || -> Result<(Duration, Duration)> {
                let (mut reading, mut computing, mut tile) = (Duration::ZERO, Duration::ZERO, None);
                while !shared.stopped() {
                    let mut turn =
                        info_span!("wait for a turn").in_scope(|| turns.lock().unwrap_or_else(PoisonError::into_inner));
                    let Some(index) = turn.1.next() else { break };
                    let (window, begun) = (windows[index], Instant::now());
                    let span = info_span!("read", tile = index, pixels = window.pixels());
                    let read = span.in_scope(|| turn.0.read_over(tile.take(), window))?;
                    drop(turn);
                    reading += begun.elapsed();
                    let (begun, span) = (Instant::now(), info_span!("compute", tile = index, pixels = window.pixels()));
                    let made = span.in_scope(|| work(&read))?;
                    computing += begun.elapsed();
                    tile = Some(read);
                    // When the writer has gone, it has said why.
                    let _ = info_span!("wait for the writer").in_scope(|| worked.send((index, made)));
                }
                Ok((reading, computing))
            };
            spawn(scope, shared, format!("worker {}", i + 1), move || run().map_err(|error| shared.fail(error)))
        });
        let started: Vec<_> = started.collect();
        drop(worked);
        let _span = info_span!("wait for other threads").entered();
        let mut spent = (Duration::ZERO, Duration::ZERO);
        for worker in started.into_iter().flatten() {
            match worker.join() {
                Ok(Ok((reading, computing))) => spent = (spent.0 + reading, spent.1 + computing),
                Ok(Err(())) => {}
                Err(_) => shared.fail(Error::failed("pass", "a thread panicked")),
            }
        }
        (spent, writer.and_then(|thread| thread.join().ok()), beside.and_then(|thread| thread.join().ok()))
    });
    let (writing, beside) = ended(shared, writing, beside)?;
    Ok((Spent { reading: spent.0, readers, computing: spent.1 / readers as u32, writing }, beside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_cover_a_window_line_by_line() {
        let window = Window { x: 3, y: 5, width: 100, height: 7 };
        let cut = |line: usize| stripes(window, line).map(|w| (w.y, w.height)).collect::<Vec<_>>();
        assert_eq!(cut(SMALL / 3), [(5, 3), (8, 3), (11, 1)]);
        assert_eq!(cut(2 * SMALL).len(), 7);
        assert_eq!(cut(0), [(5, 7)]);
        assert!(stripes(window, SMALL).all(|w| (w.x, w.width) == (3, 100)));
    }
}
