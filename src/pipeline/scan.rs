//! A pass over a scene: readers, one who works, one who writes, joined by bounded channels in scoped threads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use tracing::info_span;

use super::windows::block_cache;
use crate::error::{Error, Result};
use crate::files::PassingHash;
use crate::map::set_cache_bytes;
use crate::memory;
use crate::scene::{Piece, Scene, TileReader};
use crate::tile::{Tile, Window};

/// Tiles that have come and wait for their turn.
pub(super) type Coming = VecDeque<(usize, Tile)>;

/// Where the time of a pass went; readers and workers overlap.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// Of all readers together.
    pub(super) reading: Duration,
    pub(super) readers: usize,
    pub(super) computing: Duration,
    pub(super) writing: Duration,
}

/// What the threads of a pass share: the first error, and the word to stop.
#[derive(Default)]
pub(super) struct Shared {
    stop: AtomicBool,
    error: Mutex<Option<Error>>,
    reading: Mutex<Duration>,
}

impl Shared {
    pub(super) fn fail(&self, error: Error) {
        self.stop.store(true, Ordering::Relaxed);
        if let Ok(mut first) = self.error.lock() {
            first.get_or_insert(error);
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What a pass reads.
pub(super) struct Reading<'a> {
    pub(super) scene: &'a Scene,
    pub(super) bands: &'a [usize],
    pub(super) windows: &'a [Window],
    /// The windows that are read, by their index.
    pub(super) todo: Vec<usize>,
    /// Tiles that the worker may hold at once, so that it sees what comes next; what may wait for the writer of several.
    pub(super) ahead: usize,
    /// Who hashes the file as it passes: of a scene that is read in the file's order, by one reader.
    pub(super) hash: Option<Arc<Mutex<PassingHash>>>,
}

impl Reading<'_> {
    /// Leaves GDAL the cache that these windows need, and no more. What was decoded for a look at the scene is let go, as its
    /// blocks are too small for tiles to take their place.
    pub(super) fn make_room(&self) {
        let widest = self.windows.iter().map(|w| w.width).max().unwrap_or(0);
        set_cache_bytes(block_cache(&self.scene.description, widest) as u64);
        memory::give_back();
    }
}

/// Reads tiles, has `work` make something of each, in whatever order they come, and `write` keep it. `beside` runs in a
/// thread of its own meanwhile.
///
/// # Errors
/// The first that a thread had.
pub(super) fn scan<R: Send, B: Send>(
    reading: Reading<'_>,
    mut work: impl FnMut(usize, &Tile, &Coming) -> Result<R>,
    write: impl FnMut(usize, R) -> Result<()> + Send,
    beside: impl FnOnce(&Shared) -> Result<B> + Send,
) -> Result<(Spent, B)> {
    reading.make_room();
    let Reading { scene, bands, windows, todo, ahead, hash } = reading;
    let readers = scene.readers();
    let shared = Shared::default();
    let (ask, to_read) = bounded(todo.len().max(1));
    for index in todo {
        // It holds them all and its receiver is here, so this neither blocks nor fails.
        let _ = ask.send(index);
    }
    drop(ask);
    // What the worker takes ahead must be there at once: it does not wait for it.
    let (read, to_work) = bounded::<(usize, Tile)>(ahead.saturating_sub(1).max(1));
    // Memory that was used is in the caches and mapped; new memory is neither.
    let (used, spent) = unbounded::<Tile>();
    let (worked, to_write) = bounded::<(usize, R)>(1);
    let (computing, writing, beside) = std::thread::scope(|scope| {
        let beside = spawn(scope, &shared, "beside".into(), || beside(&shared));
        for reader in 1..=readers {
            let (to_read, spent, read, shared) = (to_read.clone(), spent.clone(), read.clone(), &shared);
            let hash = hash.clone();
            let read = move || match opened(scene, bands, hash) {
                Ok(reader) => read_tiles(reader, windows, &to_read, &spent, &read, shared),
                Err(error) => shared.fail(error),
            };
            spawn(scope, shared, format!("reader {reader}"), read);
        }
        drop(read);
        let writer = spawn_writer(scope, &shared, windows, to_write, write);
        let ahead = Ahead { from: to_work, coming: Coming::new(), most: ahead };
        let computing = consume(ahead, Ahead::next, &shared, |ahead, (index, tile)| {
            if shared.stopped() {
                return Ok(());
            }
            let span = info_span!("compute", tile = index, pixels = tile.window.pixels());
            let made = span.in_scope(|| work(index, &tile, &ahead.coming))?;
            // Readers that have ended want none.
            let _ = used.send(tile);
            // When the writer has gone, it has said why.
            let _ = info_span!("wait for the writer").in_scope(|| worked.send((index, made)));
            Ok(())
        });
        drop(worked);
        let _span = info_span!("wait for other threads").entered();
        (computing, writer.and_then(|thread| thread.join().ok()), beside.and_then(|thread| thread.join().ok()))
    });
    let reading = shared.reading.lock().map(|reading| *reading).unwrap_or_default();
    let (writing, beside) = ended(shared, writing, beside)?;
    Ok((Spent { reading, readers, computing, writing }, beside))
}

/// A reader that tells of what passes to who hashes it.
fn opened(scene: &Scene, bands: &[usize], hash: Option<Arc<Mutex<PassingHash>>>) -> Result<Box<dyn TileReader>> {
    let mut reader = scene.reader(bands)?;
    if let Some(hash) = hash {
        let pass =
            move |at, piece: &mut Piece| hash.lock().unwrap_or_else(PoisonError::into_inner).pass(at, piece.bytes());
        reader.tell(Box::new(pass));
    }
    Ok(reader)
}

/// What the writer and who worked beside have to say, unless a thread failed.
pub(super) fn ended<B>(shared: Shared, writing: Option<Duration>, beside: Option<Result<B>>) -> Result<(Duration, B)> {
    if let Some(error) = shared.error.into_inner().unwrap_or_default() {
        return Err(error);
    }
    let panicked = || Error::failed("pass", "a thread panicked");
    Ok((writing.ok_or_else(panicked)?, beside.ok_or_else(panicked)??))
}

/// Does the one while another thread does the other.
///
/// # Errors
/// Those of both, and when no thread can be started.
pub(super) fn side_by_side<T>(
    here: impl FnOnce() -> Result<T>,
    beside: impl FnOnce() -> Result<()> + Send,
) -> Result<T> {
    std::thread::scope(|scope| {
        let started = std::thread::Builder::new().name("beside".into()).spawn_scoped(scope, beside);
        let thread = started.map_err(|e| Error::failed("threads", e))?;
        let made = here();
        thread.join().unwrap_or_else(|_| Err(Error::failed("threads", "a thread panicked")))?;
        made
    })
}

/// A thread with a name, for traces and debuggers. One that cannot be started ends the pass.
pub(super) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    shared: &Shared,
    name: String,
    run: impl FnOnce() -> T + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, T>> {
    let started = std::thread::Builder::new().name(name).spawn_scoped(scope, run);
    started.map_err(|e| shared.fail(Error::failed("threads", e))).ok()
}

/// Writes what was made of windows, also when something else has failed meanwhile: what was made is kept.
pub(super) fn spawn_writer<'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    shared: &'scope Shared,
    windows: &'scope [Window],
    to_write: Receiver<(usize, R)>,
    mut write: impl FnMut(usize, R) -> Result<()> + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, Duration>> {
    spawn(scope, shared, "writer".into(), move || {
        let next = |to_write: &mut Receiver<_>| to_write.recv().ok();
        consume(to_write, next, shared, |_, (index, made)| {
            let _span = info_span!("write", tile = index, pixels = windows[index].pixels()).entered();
            write(index, made)
        })
    })
}

fn read_tiles(
    mut reader: Box<dyn TileReader>,
    windows: &[Window],
    todo: &Receiver<usize>,
    spent: &Receiver<Tile>,
    read: &Sender<(usize, Tile)>,
    shared: &Shared,
) {
    let mut reading = Duration::ZERO;
    for index in todo {
        if shared.stopped() {
            break;
        }
        let begun = Instant::now();
        let span = info_span!("read", tile = index, pixels = windows[index].pixels());
        let tile = span.in_scope(|| reader.read_over(spent.try_recv().ok(), windows[index]));
        reading += begun.elapsed();
        let hand_over = |tile| info_span!("wait for room").in_scope(|| read.send((index, tile)).is_ok());
        match tile.map(hand_over) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return shared.fail(error),
        }
    }
    if let Ok(mut total) = shared.reading.lock() {
        *total += reading;
    }
}

/// The tiles that were read, of which some may wait with the worker, so that it sees what comes next.
struct Ahead {
    from: Receiver<(usize, Tile)>,
    coming: Coming,
    most: usize,
}

impl Ahead {
    /// Waits only when no tile is there.
    fn next(&mut self) -> Option<(usize, Tile)> {
        if self.coming.is_empty() {
            self.coming.extend(self.from.recv());
        }
        let there = self.most.saturating_sub(self.coming.len());
        self.coming.extend(self.from.try_iter().take(there));
        self.coming.pop_front()
    }
}

/// Takes what is next until it ends or something fails; tells the time spent on it.
fn consume<S, T>(
    mut from: S,
    next: impl Fn(&mut S) -> Option<T>,
    shared: &Shared,
    mut take: impl FnMut(&S, T) -> Result<()>,
) -> Duration {
    let mut spent = Duration::ZERO;
    while let Some(item) = info_span!("wait for a tile").in_scope(|| next(&mut from)) {
        let begun = Instant::now();
        let taken = take(&from, item);
        spent += begun.elapsed();
        if let Err(error) = taken {
            shared.fail(error);
            break;
        }
    }
    spent
}
