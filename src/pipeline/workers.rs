//! A pass by workers of whom each reads a tile, works on it and hands on what came out: what is read stays in the core that
//! works on it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use tracing::info_span;

use super::scan::{Reading, Shared, Spent, ended, spawn, spawn_writer};
use crate::error::{Error, Result};
use crate::files::PassingHash;
use crate::scene::Piece;
use crate::tile::{Tile, Window};

/// Bytes of a tile that is read, mapped and read over within a core's caches.
const SMALL: usize = 1 << 20;

/// A window cut into stripes of whole lines, as high as a small tile of `line` bytes a line, but of no less than `few` lines.
pub(super) fn stripes(window: Window, line: usize, few: usize) -> impl Iterator<Item = Window> {
    let height = (SMALL / line.max(1)).max(few).max(1);
    let end = window.y + window.height;
    (window.y..end).step_by(height).map(move |y| Window { y, height: height.min(end - y), ..window })
}

/// Pieces that a worker keeps at most until their turn comes: those of a small tile.
const KEPT: usize = 4;

/// What workers read side by side passes in the order of the file to who hashes it.
struct Turns {
    hash: Arc<Mutex<PassingHash>>,
    /// Whose turn it is; nobody's when a worker has failed.
    now: Mutex<Option<usize>>,
    changed: Condvar,
}

impl Turns {
    fn of(hash: Arc<Mutex<PassingHash>>) -> Self {
        Self { hash, now: Mutex::new(Some(0)), changed: Condvar::new() }
    }

    /// Whether it is this turn.
    fn is(&self, mine: usize) -> bool {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) == Some(mine)
    }

    /// Waits for a turn; false when it does not come.
    fn comes(&self, mine: usize) -> bool {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = |now: Option<usize>| now.is_some_and(|now| now < mine);
        if !earlier(*now) {
            return now.is_some();
        }
        let _span = info_span!("wait for a turn").entered();
        self.changed.wait_while(now, |now| earlier(*now)).unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn set(&self, now: Option<usize>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
        self.changed.notify_all();
    }
}

/// A worker's turns. He does not wait for one while he reads: pieces that come too early are kept, and pass when the turn is
/// there, at the latest when the tile is done.
struct Turn {
    of: Arc<Turns>,
    /// That of the tile at hand. When he fails before it ends, no later one comes.
    mine: Option<usize>,
    kept: Vec<(u64, Piece)>,
    /// Buffers of pieces that have passed.
    spare: Vec<Piece>,
}

impl Turn {
    fn new(of: Arc<Turns>) -> Self {
        Self { of, mine: None, kept: Vec::new(), spare: Vec::new() }
    }

    fn begin(&mut self, mine: usize) {
        self.mine = Some(mine);
    }

    /// Passes a piece of the tile, or keeps it for a spare one.
    fn pass(&mut self, at: u64, piece: &mut Piece) -> Result<()> {
        let Some(mine) = self.mine else { return Ok(()) };
        if !self.of.is(mine) && self.kept.len() < KEPT {
            let spare = self.spare.pop().unwrap_or_default();
            self.kept.push((at, std::mem::replace(piece, spare)));
            return Ok(());
        }
        if self.of.comes(mine) {
            self.pass_kept()?;
            self.hash(at, piece)?;
        }
        Ok(())
    }

    /// Ends the turn if it has come.
    fn end_early(&mut self) -> Result<()> {
        if self.mine.is_some_and(|mine| self.of.is(mine)) { self.end() } else { Ok(()) }
    }

    /// Ends the turn, for which it may have to wait.
    fn end(&mut self) -> Result<()> {
        if let Some(mine) = self.mine
            && self.of.comes(mine)
        {
            self.pass_kept()?;
            self.of.set(Some(mine + 1));
        }
        self.mine = None;
        Ok(())
    }

    fn pass_kept(&mut self) -> Result<()> {
        for (at, piece) in std::mem::take(&mut self.kept) {
            self.hash(at, &piece)?;
            self.spare.push(piece);
        }
        Ok(())
    }

    fn hash(&self, at: u64, piece: &Piece) -> Result<()> {
        self.of.hash.lock().unwrap_or_else(PoisonError::into_inner).pass(at, piece.bytes())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.mine.is_some() {
            self.of.set(None);
        }
    }
}

/// A worker's turns, which he shares with his reader alone: neither waits for the other.
fn of(turn: &Mutex<Turn>) -> MutexGuard<'_, Turn> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
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
            let run = move || -> Result<(Duration, Duration)> {
                let (mut reading, mut computing, mut tile) = (Duration::ZERO, Duration::ZERO, None);
                let mut reader = scene.reader(bands)?;
                let turn = turns.map(|turns| Arc::new(Mutex::new(Turn::new(turns))));
                if let Some(turn) = turn.clone() {
                    reader.tell(Box::new(move |at, piece| of(&turn).pass(at, piece)));
                }
                while !shared.stopped() {
                    let mine = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&index) = todo.get(mine) else { break };
                    let (window, begun) = (windows[index], Instant::now());
                    let span = info_span!("read", tile = index, pixels = window.pixels());
                    turn.iter().for_each(|turn| of(turn).begin(mine));
                    let read = span.in_scope(|| reader.read_over(tile.take(), window))?;
                    turn.iter().try_for_each(|turn| of(turn).end_early())?;
                    reading += begun.elapsed();
                    let (begun, span) = (Instant::now(), info_span!("compute", tile = index, pixels = window.pixels()));
                    let made = span.in_scope(|| work(&read))?;
                    computing += begun.elapsed();
                    turn.iter().try_for_each(|turn| of(turn).end())?;
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
            let turns = Arc::new(Turns::of(Arc::new(Mutex::new(PassingHash::of(&path).unwrap()))));
            let next = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        let (mut turn, mut piece) = (Turn::new(Arc::clone(&turns)), Piece::default());
                        loop {
                            let mine = next.fetch_add(1, Ordering::Relaxed);
                            let Some(tile) = bytes.chunks(997).nth(mine) else { break };
                            turn.begin(mine);
                            // Later tiles are there sooner, and of some more pieces come than are kept.
                            std::thread::sleep(Duration::from_micros((mine * 7919 % 5 * 100) as u64));
                            if fails == Some(mine) {
                                break;
                            }
                            let size = 997 / (1 + mine % (2 * KEPT));
                            for (i, bytes) in tile.chunks(size).enumerate() {
                                piece.room(bytes.len()).copy_from_slice(bytes);
                                turn.pass((mine * 997 + i * size) as u64, &mut piece).unwrap();
                            }
                            turn.end_early().unwrap();
                            turn.end().unwrap();
                        }
                    });
                }
            });
            let hash = Arc::into_inner(Arc::into_inner(turns).unwrap().hash).unwrap().into_inner().unwrap();
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
