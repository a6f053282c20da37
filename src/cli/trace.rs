//! `--trace`: where the time of a run goes, as a file that Perfetto and Chrome show.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_chrome::{ChromeLayerBuilder, FlushGuard};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::error::{Error, ErrorKind, Result};
use crate::map::files::{Pending, begin_beside, remove_leftovers};

/// Runs `run`, and when a file is named, records the spans of all its threads there: also when it fails, but not when it
/// refuses, as a refusal leaves nothing behind.
pub(super) fn traced<T>(file: Option<&Path>, run: impl FnOnce() -> Result<T>) -> Result<T> {
    let Some(path) = file else { return run() };
    let recorder = Recorder::start(path)?;
    let outcome = run();
    match &outcome {
        Err(error) if error.kind() == ErrorKind::Refused => outcome,
        _ => {
            let written = recorder.finish();
            outcome.and_then(|done| written.map(|()| done))
        }
    }
}

struct Recorder {
    path: PathBuf,
    pending: Pending,
    sink: Sink,
    guard: FlushGuard,
}

impl Recorder {
    /// Fails before the work where it would fail after it.
    fn start(path: &Path) -> Result<Self> {
        if path.is_file() && !is_trace(path) {
            let what = format!("{} is there already and is no trace", path.display());
            return Err(Error::refused("--trace", what).hint("name another file, or remove this one"));
        }
        let begun = remove_leftovers(path).and_then(|()| begin_beside(path));
        let (pending, file) = begun.map_err(|e| {
            Error::refused("--trace", e).hint("name a file in a folder that is there and that you can write")
        })?;
        let sink = Sink(Arc::new(Mutex::new(Ok(file))));
        let (layer, guard) =
            ChromeLayerBuilder::new().writer(sink.clone()).include_args(true).include_locations(false).build();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
            .map_err(|e| Error::failed("--trace", e))?;
        Ok(Self { path: path.to_owned(), pending, sink, guard })
    }

    fn finish(self) -> Result<()> {
        drop(self.guard); // Waits until all is written.
        let failed = |e: &io::Error| Error::io(&self.path, "cannot write the trace; the run's own files are whole", e);
        let file = self.sink.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.as_ref().map_err(failed)?.sync_all().map_err(|e| failed(&e))?;
        self.pending.publish()
    }
}

/// Whether a trace may replace this file. One of an earlier run may go, so that a command that failed can be given again;
/// anything else is somebody's.
fn is_trace(path: &Path) -> bool {
    let mut start = [0; 3];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *b"[\n{"
}

/// A file that keeps its first error for [`Recorder::finish`]; the thread that writes would panic on it.
#[derive(Clone)]
struct Sink(Arc<Mutex<io::Result<File>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(open) = &mut *file
            && let Err(error) = open.write_all(bytes)
        {
            *file = Err(error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_keeps_its_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut sink = Sink(Arc::new(Mutex::new(File::open(file.path()))));
        for _ in 0..2 {
            assert_eq!(sink.write(b"a file that is open for reading").unwrap(), 31, "the writer is not told");
        }
        assert!(sink.0.lock().unwrap().is_err());
    }
}
