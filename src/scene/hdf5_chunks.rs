//! The chunks of an array of HDF5, read past its library, which inflates on one core. It is asked once where each chunk
//! lies in the file; whoever reads them then waits for nobody, and has a decoder of its own.

use std::fs::File;
use std::path::{Path, PathBuf};

use hdf5_metno as hdf5;
use hdf5_metno::file::FileCloseDegree;
use hdf5_metno::filters::Filter;
use libdeflater::Decompressor;

use crate::error::{Error, Result};
use crate::files::read_exact_at;
use crate::scene::multidim::alone;
use crate::simd::wide;

/// Most bytes of a chunk: a reader holds one three times.
const MOST_BYTES: usize = 16 << 20;

/// Most chunks of an array. The library finds each by going through those before it.
const MOST: usize = 8192;

/// The chunks of an array of Float32.
pub(super) struct Chunks {
    path: PathBuf,
    file: File,
    /// Values of a chunk along each dimension. Those at the ends of the array are as long: what reaches out means nothing.
    pub(super) shape: Vec<usize>,
    /// Number of chunks along each dimension.
    grid: Vec<usize>,
    /// Where each lies, the last dimension fastest.
    places: Vec<Place>,
    deflated: bool,
    /// All first bytes of the values lie before all second ones, and so on.
    shuffled: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// First byte in the file.
    start: u64,
    bytes: usize,
}

/// What a reader keeps from chunk to chunk.
pub(super) struct Decoder {
    inflater: Decompressor,
    stored: Vec<u8>,
    inflated: Vec<u8>,
    values: Vec<f32>,
    /// The chunk whose values these are.
    held: Option<usize>,
}

impl Default for Decoder {
    fn default() -> Self {
        let (inflater, values, held) = (Decompressor::new(), Vec::new(), None);
        Self { inflater, stored: Vec::new(), inflated: Vec::new(), values, held }
    }
}

impl Chunks {
    /// Those of an array by its full name, such as `group/array`. `None` for what only the library reads: other types than
    /// this machine's Float32, other filters than deflate and shuffle, chunks that were never written, and whatever it
    /// refuses.
    pub(super) fn of(path: &Path, name: &str) -> Option<Self> {
        let (chunks, _) = alone(|| {
            // A file that is open already is opened again only in the way in which netCDF opened it, and that depends on
            // how it was built.
            let open = |degree| hdf5::File::with_options().with_fapl(|p| p.fclose_degree(degree)).open(path);
            let mut ways = [FileCloseDegree::Weak, FileCloseDegree::Semi, FileCloseDegree::Strong].into_iter();
            let file = ways.find_map(|degree| open(degree).ok())?;
            Self::ask(path, &file, &file.dataset(name).ok()?)
        });
        chunks
    }

    fn ask(path: &Path, file: &hdf5::File, array: &hdf5::Dataset) -> Option<Self> {
        let (shuffled, deflated) = match array.filters()[..] {
            [] => (false, false),
            [Filter::Shuffle] => (true, false),
            [Filter::Deflate(_)] => (false, true),
            [Filter::Shuffle, Filter::Deflate(_)] => (true, true),
            _ => return None,
        };
        let shape = array.chunk().filter(|shape| !shape.contains(&0))?;
        let values = shape.iter().try_fold(1_usize, |values, length| values.checked_mul(*length))?;
        let grid: Vec<usize> = array.shape().iter().zip(&shape).map(|(all, chunk)| all.div_ceil(*chunk)).collect();
        let count = array.num_chunks()?;
        let sound = array.dtype().is_ok_and(|kind| kind.is::<f32>())
            && file.userblock() == 0
            && count <= MOST
            && values <= MOST_BYTES / size_of::<f32>()
            && count == grid.iter().product::<usize>();
        if !sound {
            return None;
        }
        let mut places = vec![Place::default(); count];
        for i in 0..count {
            let chunk = array.chunk_info(i).filter(|chunk| chunk.filter_mask == 0)?;
            let start: Vec<usize> = chunk.offset.iter().map(|&at| at as usize).collect();
            let place = Place { start: chunk.addr, bytes: usize::try_from(chunk.size).ok()? };
            *places.get_mut(index(&start, &shape, &grid))? = place;
        }
        let file = File::open(path).ok()?;
        let end = file.metadata().ok()?.len();
        // The library says what is wrong with others.
        let inside = |place: &Place| place.bytes <= 2 * MOST_BYTES && place.start < end;
        if !places.iter().all(inside) {
            return None;
        }
        Some(Self { path: path.to_path_buf(), file, shape, grid, places, deflated, shuffled })
    }

    /// All values of the chunk that holds the value `at`, the last dimension fastest.
    ///
    /// # Errors
    /// When the file cannot be read there, or what lies there does not inflate to a chunk.
    pub(super) fn read<'a>(&self, at: &[usize], decoder: &'a mut Decoder) -> Result<&'a [f32]> {
        let chunk = index(at, &self.shape, &self.grid);
        let Decoder { inflater, stored, inflated, values, held } = decoder;
        if held.take() == Some(chunk) {
            *held = Some(chunk);
            return Ok(values);
        }
        let Place { start, bytes } = self.places[chunk];
        let damaged = |what: String| {
            Error::failed(self.path.display(), format!("the chunk of {bytes} bytes at byte {start} {what}"))
                .hint("the file may be cut off or damaged")
        };
        stored.resize(bytes, 0);
        read_exact_at(&self.file, stored, start).map_err(|e| damaged(format!("cannot be read: {e}")))?;
        let count = self.shape.iter().product::<usize>();
        let size = count * size_of::<f32>();
        inflated.resize(size, 0);
        let whole = match self.deflated {
            false => &stored[..],
            true => match inflater.zlib_decompress(stored, inflated) {
                Ok(length) => &inflated[..length],
                Err(error) => return Err(damaged(format!("does not inflate ({error})"))),
            },
        };
        if whole.len() != size {
            return Err(damaged(format!("has {} bytes, expected {size}", whole.len())));
        }
        values.resize(count, 0.0);
        match self.shuffled {
            false => bytemuck::cast_slice_mut(values).copy_from_slice(whole),
            true => wide(
                (whole, &mut values[..]),
                #[inline(always)]
                |(planes, values)| unshuffle(planes, values),
            ),
        }
        *held = Some(chunk);
        Ok(values)
    }
}

/// Which chunk holds the value `at`.
fn index(at: &[usize], shape: &[usize], grid: &[usize]) -> usize {
    at.iter().zip(shape).zip(grid).fold(0, |index, ((at, chunk), count)| index * count + at / chunk)
}

/// Puts the bytes of each value together again.
#[inline(always)]
fn unshuffle(planes: &[u8], values: &mut [f32]) {
    let (first, rest) = planes.split_at(values.len());
    let (second, rest) = rest.split_at(values.len());
    let (third, fourth) = rest.split_at(values.len());
    let bytes = first.iter().zip(second).zip(third.iter().zip(fourth));
    values.iter_mut().zip(bytes).for_each(|(value, ((a, b), (c, d)))| *value = f32::from_ne_bytes([*a, *b, *c, *d]));
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: [usize; 3] = [7, 5, 9];
    const CHUNK: [usize; 3] = [4, 3, 5];

    fn value(line: usize, sample: usize, band: usize) -> f32 {
        ((line * 31 + sample) * 17 + band) as f32 * 0.37 - 5.0
    }

    /// A file with one array, changed as a case wants.
    fn made(
        change: impl FnOnce(hdf5::DatasetBuilder) -> hdf5::DatasetBuilder,
        fill: impl FnOnce(&hdf5::Dataset),
    ) -> tempfile::TempPath {
        let path = tempfile::Builder::new().suffix(".h5").tempfile().unwrap().into_temp_path();
        alone(|| {
            let file = hdf5::File::create(&path).unwrap();
            let group = file.create_group("group").unwrap();
            let array = change(group.new_dataset_builder()).empty::<f32>().shape(SHAPE).create("array").unwrap();
            fill(&array);
        });
        path
    }

    fn all(array: &hdf5::Dataset) {
        array.write(&ndarray::Array3::from_shape_fn(SHAPE, |(line, sample, band)| value(line, sample, band))).unwrap();
    }

    #[test]
    fn chunks_hold_what_was_written() {
        type Change = fn(hdf5::DatasetBuilder) -> hdf5::DatasetBuilder;
        let cases: [(Change, bool, bool); 4] = [
            (|b| b.chunk(CHUNK), false, false),
            (|b| b.chunk(CHUNK).shuffle(), true, false),
            (|b| b.chunk(CHUNK).deflate(4), false, true),
            (|b| b.chunk(CHUNK).shuffle().deflate(9), true, true),
        ];
        for (change, shuffled, deflated) in cases {
            let path = made(change, all);
            let chunks = Chunks::of(&path, "group/array").unwrap();
            assert_eq!((chunks.shuffled, chunks.deflated, &chunks.shape[..]), (shuffled, deflated, &CHUNK[..]));
            let mut decoder = Decoder::default();
            for (line, sample, band) in
                (0..SHAPE[0]).flat_map(|l| (0..5).flat_map(move |s| (0..9).map(move |b| (l, s, b))))
            {
                let values = chunks.read(&[line, sample, band], &mut decoder).unwrap();
                let at = (line % CHUNK[0] * CHUNK[1] + sample % CHUNK[1]) * CHUNK[2] + band % CHUNK[2];
                assert_eq!(values[at], value(line, sample, band), "{line} {sample} {band}");
            }
        }
    }

    #[test]
    fn what_only_the_library_reads_is_left_to_it() {
        let none = |path: &Path| assert!(Chunks::of(path, "group/array").is_none());
        none(&made(|b| b.no_chunk(), all));
        none(&made(|b| b.chunk(CHUNK).fletcher32(), all));
        let corner = |array: &hdf5::Dataset| array.write_slice(&[1.0_f32, 2.0], (0, 0, ..2)).unwrap();
        none(&made(|b| b.chunk(CHUNK), corner));
        let path = made(|b| b.chunk(CHUNK), all);
        assert!(Chunks::of(&path, "group/other").is_none());
        assert!(Chunks::of(Path::new("/nowhere.h5"), "group/array").is_none());
    }

    #[test]
    fn damaged_chunks_are_refused() {
        let path = made(|b| b.chunk(CHUNK).shuffle().deflate(4), all);
        let chunks = Chunks::of(&path, "group/array").unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let first = chunks.places[0].start as usize;
        bytes[first..first + 8].fill(0xff);
        std::fs::write(&path, &bytes).unwrap();
        let mut decoder = Decoder::default();
        let error = chunks.read(&[0, 0, 0], &mut decoder).unwrap_err().to_string();
        assert!(error.contains("does not inflate") && error.contains(&format!("at byte {first}")), "{error}");
        assert!(chunks.read(&[6, 0, 0], &mut decoder).is_ok());
        std::fs::write(&path, &bytes[..first]).unwrap();
        let error = chunks.read(&[0, 0, 0], &mut decoder).unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }
}
