//! What holds for parts, and for the stamp beside them, in any bytes.

use super::{HEADER, MAGIC, Part, Parts, Shape};
use crate::pipeline::grounds::{BINS, counts_of, threshold};
use crate::tile::Window;

const PLAN: [u8; 32] = [7; 32];
const INDEX: usize = 3;

fn parts() -> Parts {
    Parts { folder: "parts".into(), plan: PLAN }
}

/// A tile's part is what was written, or none. The first two bytes give the tile's shape; the rest is a file as it lies,
/// and the payload of one that is whole.
pub fn part(data: &[u8]) {
    let Some((&[size, methods], rest)) = data.split_first_chunk() else { return };
    let window = Window { x: 0, y: 0, width: usize::from(size % 5) + 1, height: usize::from(size / 5 % 3) + 1 };
    let shape: Shape =
        (0..methods % 4).map(|i| ((methods >> (i + 2)) & 1 == 1, usize::from(methods >> ((i + 4) % 3)))).collect();
    as_it_lies(rest, window, &shape);

    let length = Part::nodata(window, &shape).pieces().iter().map(|p| p.len()).sum();
    let mut payload = rest.to_vec();
    payload.resize(length, 0);
    let mut whole = Vec::new();
    parts().fill(&mut whole, INDEX, &[&payload]).expect("memory takes all bytes");
    let read = |bytes: &[u8], index| parts().read_part(index, &mut &*bytes, bytes.len() as u64, window, &shape);
    let part = read(&whole, INDEX).expect("a whole part is read");
    assert_eq!(written(&part), whole);
    assert!(read(&whole, INDEX + 1).is_none(), "of another place");
    if let Some((&at, flip)) = rest.split_first().and_then(|(at, rest)| Some((at, rest.first()?))) {
        let at = usize::from(at) % whole.len();
        whole[at] ^= flip;
        assert_eq!(read(&whole, INDEX).is_some(), *flip == 0, "damaged at byte {at}");
    }
}

/// The stamp of a plan, a part of counted scores, and a part that could be anything. The first byte is the
/// number of targets.
pub fn plan(data: &[u8]) {
    assert_eq!(parts().is_stamped(data), data == PLAN);
    let Some((&targets, rest)) = data.split_first() else { return };
    let targets = usize::from(targets);
    counts(rest, targets);
    let bytes = parts().read_bytes(INDEX, &mut &*rest, rest.len() as u64);
    assert_eq!(bytes.is_some(), is_sound(rest));
    assert!(bytes.is_none_or(|bytes| bytes == rest[HEADER..]));
}

/// Counts are read only when there is one for every bin of every target. A threshold leaves at most its share above, and
/// a lower one more.
fn counts(bytes: &[u8], targets: usize) {
    assert_eq!(counts_of(bytes, targets).is_some(), bytes.len() == targets * BINS * 8);
    let few: Vec<u64> = bytes.iter().take(64).map(|&b| u64::from(b)).collect();
    let (all, share) = (few.iter().sum::<u64>() as f64, targets as f64 / 255.0);
    let above = |bin: usize| few[bin..].iter().sum::<u64>() as f64;
    let bin = (0..=few.len()).find(|&bin| above(bin) <= (all * share).floor()).unwrap_or(few.len());
    assert_eq!(threshold(&few, share), -16.0 + bin as f32 / 64.0);
}

/// Bytes are a part only when they are what writing that part gives.
fn as_it_lies(bytes: &[u8], window: Window, shape: &Shape) {
    if let Some(part) = parts().read_part(INDEX, &mut &*bytes, bytes.len() as u64, window, shape) {
        assert_eq!(written(&part), bytes);
    }
}

fn written(part: &Part) -> Vec<u8> {
    let mut bytes = Vec::new();
    parts().fill(&mut bytes, INDEX, &part.pieces()).expect("memory takes all bytes");
    bytes
}

/// Magic, length and checksum, put together in another way than by the reader.
fn is_sound(bytes: &[u8]) -> bool {
    let Some(payload) = bytes.get(HEADER..) else { return false };
    let checksum = parts().checksum(INDEX, &[payload]);
    let stated = [&MAGIC.to_ne_bytes()[..], &(payload.len() as u64).to_ne_bytes(), &checksum.to_ne_bytes()];
    bytes[..HEADER] == stated.concat()
}
