//! A pass by workers of whom each reads a tile, works on it and hands on what came out: what is read stays in the core that
//! works on it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use tracing::info_span;

use super::scan::{Reading, Shared, Spent, ended, spawn, spawn_writer};
use crate::error::{Error, Result};
use crate::files::PassingHash;
use crate::tile::{Tile, Window};

/// Bytes of a tile that is read, mapped and read over within a core's caches.
const SMALL: usize = 1 << 20;

/// A window cut into stripes of whole lines, as high as a small tile of `line` bytes a line, but of no less than `few` lines.
pub(super) fn stripes(window: Window, line: usize, few: usize) -> impl Iterator<Item = Window> {
    let height = (SMALL / line.max(1)).max(few).max(1);
    let end = window.y + window.height;
    (window.y..end).step_by(height).map(move |y| Window { y, height: height.min(end - y), ..window })
}

/// What workers read side by side passes in the order of the file to who hashes it.
struct Turns {
    hash: Arc<Mutex<PassingHash>>,
    /// Whose turn it is; nobody's when a reader has failed.
    now: Mutex<Option<usize>>,
    changed: Condvar,
}

impl Turns {
    fn of(hash: Arc<Mutex<PassingHash>>) -> Self {
        Self { hash, now: Mutex::new(Some(0)), changed: Condvar::new() }
    }

    /// Waits for a turn; false when it does not come.
    fn comes(&self, mine: usize) -> bool {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = |now: &mut Option<usize>| now.is_some_and(|now| now < mine);
        let now = self.changed.wait_while(now, earlier).unwrap_or_else(PoisonError::into_inner);
        now.is_some()
    }

    fn pass(&self, mine: usize, at: u64, bytes: &[u8]) -> Result<()> {
        match info_span!("wait for a turn").in_scope(|| self.comes(mine)) {
            true => self.hash.lock().unwrap_or_else(PoisonError::into_inner).pass(at, bytes),
            false => Ok(()),
        }
    }

    fn set(&self, now: Option<usize>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
        self.changed.notify_all();
    }
}

/// The turn of a worker who reads. When he fails, none comes any more.
struct Turn<'a> {
    of: &'a Turns,
    mine: usize,
    is_over: bool,
}

impl Turn<'_> {
    fn end(mut self) {
        self.is_over = true;
        if self.of.comes(self.mine) {
            self.of.set(Some(self.mine + 1));
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.of.set(None);
        }
    }
}

/// Has each worker read the next of the windows, make something of its own of it, and `write` keep it. `beside` runs in a
/// thread of its own meanwhile. As many results as tiles may be `ahead` wait for the writer.
///
/// # Errors
/// The first that a thread had.
pub(super) fn scan_by_workers<R: Send, B: Send>(
    reading: Reading<'_>,
    workers: Vec<impl FnMut(&Tile) -> Result<R> + Send>,
    write: impl FnMut(usize, R) -> Result<()> + Send,
    beside: impl FnOnce(&Shared) -> Result<B> + Send,
) -> Result<(Spent, B)> {
    reading.make_room();
    let Reading { scene, bands, windows, todo, ahead, hash } = reading;
    let (shared, readers) = (Shared::default(), workers.len().max(1));
    let (next, turns) = (AtomicUsize::new(0), hash.map(|hash| Arc::new(Turns::of(hash))));
    let (worked, to_write) = bounded::<(usize, R)>(ahead);
    let (spent, writing, beside) = std::thread::scope(|scope| {
        let beside = spawn(scope, &shared, "beside".into(), || beside(&shared));
        let writer = spawn_writer(scope, &shared, windows, to_write, write);
        let started = workers.into_iter().enumerate().map(|(i, mut work)| {
            let (todo, next, turns) = (&todo, &next, turns.clone());
            let (worked, shared) = (worked.clone(), &shared);
            let mut run = move || -> Result<(Duration, Duration)> {
                let (mut reading, mut computing, mut tile) = (Duration::ZERO, Duration::ZERO, None);
                let (mut reader, mine) = (scene.reader(bands)?, Arc::new(AtomicUsize::new(0)));
                if let Some(turns) = turns.clone() {
                    let mine = Arc::clone(&mine);
                    reader.tell(Box::new(move |at, bytes| turns.pass(mine.load(Ordering::Relaxed), at, bytes)));
                }
                while !shared.stopped() {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&index) = todo.get(turn) else { break };
                    mine.store(turn, Ordering::Relaxed);
                    let (window, begun) = (windows[index], Instant::now());
                    let span = info_span!("read", tile = index, pixels = window.pixels());
                    let taken = turns.as_ref().map(|turns| Turn { of: turns, mine: turn, is_over: false });
                    let read = span.in_scope(|| reader.read_over(tile.take(), window))?;
                    taken.into_iter().for_each(Turn::end);
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
    fn what_is_read_side_by_side_is_hashed_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i * 7 % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let hashed = |fails: Option<usize>| {
            let turns = Turns::of(Arc::new(Mutex::new(PassingHash::of(&path).unwrap())));
            let next = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        loop {
                            let mine = next.fetch_add(1, Ordering::Relaxed);
                            let Some(piece) = bytes.chunks(997).nth(mine) else { break };
                            let turn = Turn { of: &turns, mine, is_over: false };
                            // Later pieces are there sooner.
                            std::thread::sleep(Duration::from_micros((mine * 7919 % 5 * 100) as u64));
                            if fails == Some(mine) {
                                break;
                            }
                            turns.pass(mine, (mine * 997) as u64, piece).unwrap();
                            turn.end();
                        }
                    });
                }
            });
            let hash = Arc::into_inner(turns.hash).unwrap().into_inner().unwrap();
            let done = hash.done();
            (done, hash.finish(|| true).unwrap())
        };
        let whole = crate::files::xxh3_128(&path).unwrap();
        assert_eq!(hashed(None), (bytes.len() as u64, whole));
        // Nobody waits for a turn that does not come.
        let (done, _) = hashed(Some(17));
        assert!(done <= 17 * 997 && done.is_multiple_of(997), "{done}");
    }

    #[test]
    fn stripes_cover_a_window_line_by_line() {
        let window = Window { x: 3, y: 5, width: 100, height: 7 };
        let cut = |line: usize| stripes(window, line, 1).map(|w| (w.y, w.height)).collect::<Vec<_>>();
        assert_eq!(cut(SMALL / 3), [(5, 3), (8, 3), (11, 1)]);
        assert_eq!(cut(2 * SMALL).len(), 7);
        assert_eq!(cut(0), [(5, 7)]);
        assert!(stripes(window, SMALL, 2).all(|w| (w.x, w.width) == (3, 100)));
        assert!(stripes(window, SMALL, 2).all(|w| w.height == 2 || w.y + w.height == window.y + window.height));
    }
}
