//! Deflate for numbers behind the predictor (RFC 1950, 1951): codes of bytes, and runs of equal ones; no other repetitions.
//!
//! Of a score the low bytes are noise, in which a search for repetitions finds nothing, and the high ones are runs. So without
//! one a tile is packed in a fifth of the time that libdeflate takes at its fastest, and is two to three hundredths larger. zlib
//! calls it `Z_RLE`.

use libdeflater::adler32;

/// Bytes of a run that is looked for. Shorter ones cost little as literals.
const WORD: usize = 8;

/// Longest run that one symbol tells of.
const LONGEST: usize = 258;

/// Most bits of a code, where deflate allows 15: four codes fit a word of 64 behind what is left of the one before.
const MOST_BITS: usize = 12;

/// Bytes, the end of the block, and lengths of runs.
const SYMBOLS: usize = 286;
const END: usize = 256;

/// Bytes as they are, then a run of the last of them.
struct Stretch {
    literals: usize,
    run: usize,
}

/// Packs the bytes as a zlib stream, over whatever `out` holds.
pub(super) fn deflate(bytes: &[u8], out: &mut Vec<u8>) {
    let stretches = stretches(bytes);
    let codes = Codes::of(&counts(bytes, &stretches));
    let mut out = Bits::new(out, bytes.len());
    // A window of 32 KiB, the fastest of levels.
    out.put(Code { bits: 0x0178, count: 16 });
    codes.write_lengths(&mut out);
    let mut rest = bytes;
    for Stretch { literals, run } in stretches {
        let (these, behind) = rest.split_at(literals);
        let (fours, left) = these.as_chunks::<4>();
        for four in fours {
            let [a, b, c, d] = four.map(|byte| codes.0[usize::from(byte)]);
            let (ab, cd) = (a.then(b), c.then(d));
            out.put(ab.then(cd));
        }
        left.iter().for_each(|byte| out.put(codes.0[usize::from(*byte)]));
        for length in lengths(run) {
            let (symbol, extra) = symbol_of(length);
            out.put(codes.0[symbol].then(extra).then(ONE_BACK));
        }
        rest = &behind[run..];
    }
    out.put(codes.0[END]);
    out.finish(adler32(bytes));
}

/// Cuts bytes where runs begin and end.
fn stretches(bytes: &[u8]) -> Vec<Stretch> {
    let (mut found, mut begun, mut at) = (Vec::new(), 0, 1);
    while at + WORD <= bytes.len() {
        if bytes[at..at + WORD] != bytes[at - 1..at - 1 + WORD] {
            at += WORD;
            continue;
        }
        let byte = bytes[at];
        let before = bytes[begun + 1..at].iter().rev().zip(bytes[begun..at - 1].iter().rev());
        let start = at - before.take_while(|(a, b)| **a == byte && **b == byte).count();
        let end = at + bytes[at..].iter().take_while(|b| **b == byte).count();
        found.push(Stretch { literals: start - begun, run: end - start });
        (begun, at) = (end, end + 1);
    }
    found.push(Stretch { literals: bytes.len() - begun, run: 0 });
    found
}

/// The lengths, each of which one symbol tells, that make up a run.
fn lengths(run: usize) -> impl Iterator<Item = usize> {
    // The last must not be shorter than the least that there is, of three bytes.
    let next = |left: &usize| match *left {
        0 => 0,
        left @ 1..=LONGEST => left,
        left => LONGEST.min(left - 3),
    };
    std::iter::successors(Some(run), move |left| Some(left - next(left)))
        .take_while(|left| *left > 0)
        .map(move |left| next(&left))
}

/// The symbol of a length, and what else is said of it.
fn symbol_of(length: usize) -> (usize, Code) {
    let beyond = length - 3;
    match beyond {
        255 => (285, Code::NONE),
        0..8 => (257 + beyond, Code::NONE),
        _ => {
            let count = beyond.ilog2() - 2;
            let symbol = 261 + 4 * count as usize + (beyond >> count & 3);
            (symbol, Code { bits: beyond as u64 & ((1 << count) - 1), count })
        }
    }
}

/// How often each symbol comes.
fn counts(bytes: &[u8], stretches: &[Stretch]) -> [u32; SYMBOLS] {
    // Equal bytes would wait for each other's count.
    let mut of_bytes = [[0_u32; 256]; 4];
    let mut counts = [0; SYMBOLS];
    let mut rest = bytes;
    for Stretch { literals, run } in stretches {
        let (these, behind) = rest.split_at(*literals);
        let (fours, left) = these.as_chunks::<4>();
        for four in fours {
            four.iter().zip(&mut of_bytes).for_each(|(byte, counts)| counts[usize::from(*byte)] += 1);
        }
        left.iter().for_each(|byte| of_bytes[0][usize::from(*byte)] += 1);
        lengths(*run).for_each(|length| counts[symbol_of(length).0] += 1);
        rest = &behind[*run..];
    }
    counts[END] = 1;
    for of_bytes in of_bytes {
        counts.iter_mut().zip(of_bytes).for_each(|(count, more)| *count += more);
    }
    counts
}

/// Bits that come one after the other, the first the lowest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Code {
    bits: u64,
    count: u32,
}

/// The only distance that is used.
const ONE_BACK: Code = Code { bits: 0, count: 1 };

impl Code {
    const NONE: Self = Self { bits: 0, count: 0 };

    #[inline(always)]
    fn then(self, next: Self) -> Self {
        Self { bits: self.bits | next.bits << self.count, count: self.count + next.count }
    }
}

/// The code of each symbol.
struct Codes([Code; SYMBOLS]);

impl Codes {
    /// Short ones for what is frequent; none for what never comes.
    fn of(counts: &[u32; SYMBOLS]) -> Self {
        let lengths = code_lengths(counts);
        let mut codes = [Code::NONE; SYMBOLS];
        let mut next = 0_u64;
        for length in 1..=MOST_BITS as u32 {
            next <<= 1;
            for (code, _) in codes.iter_mut().zip(lengths).filter(|(_, own)| *own == length) {
                // Codes count upwards from their highest bit, which comes first.
                *code = Code { bits: next.reverse_bits() >> (u64::BITS - length), count: length };
                next += 1;
            }
        }
        Self(codes)
    }

    /// Begins the only block with the lengths of all codes, each of which has a code of four bits itself.
    fn write_lengths(&self, out: &mut Bits<'_>) {
        const LAST: Code = Code { bits: 1, count: 1 };
        const CODES_FOLLOW: Code = Code { bits: 2, count: 2 };
        out.put(LAST.then(CODES_FOLLOW));
        // Of these numbers deflate subtracts the least that each can be; of distances there is one.
        for (number, least, count) in [(SYMBOLS, 257, 5), (1, 1, 5), (19, 4, 4)] {
            out.put(Code { bits: (number - least) as u64, count });
        }
        // Lengths of codes of lengths; the first three would say that one is repeated.
        (0..19).for_each(|i| out.put(Code { bits: if i < 3 { 0 } else { 4 }, count: 3 }));
        for Code { count, .. } in self.0.iter().chain([&ONE_BACK]) {
            out.put(Code { bits: (count.reverse_bits() >> (u32::BITS - 4)).into(), count: 4 });
        }
    }
}

/// Bits of the code of each symbol (Huffman 1952), at most [`MOST_BITS`]; none for what never comes.
fn code_lengths(counts: &[u32; SYMBOLS]) -> [u32; SYMBOLS] {
    let mut order: Vec<usize> = (0..SYMBOLS).filter(|symbol| counts[*symbol] > 0).collect();
    order.sort_by_key(|symbol| counts[*symbol]);
    let mut of_length = [0_usize; MOST_BITS + 1];
    depths(order.iter().map(|symbol| counts[*symbol].into()).collect())
        .for_each(|depth| of_length[depth.clamp(1, MOST_BITS)] += 1);
    // What was cut to the most bits leaves too little room. One such code at a time goes beside a shorter one, which gets a
    // bit for it.
    let room = 1 << MOST_BITS;
    let taken = |of_length: &[usize]| (1..=MOST_BITS).map(|l| of_length[l] << (MOST_BITS - l)).sum::<usize>();
    while taken(&of_length) > room {
        let Some(shorter) = (1..MOST_BITS).rev().find(|length| of_length[*length] > 0) else { break };
        of_length[MOST_BITS] -= 1;
        of_length[shorter] -= 1;
        of_length[shorter + 1] += 2;
    }
    let mut lengths = [0; SYMBOLS];
    let longest_first = (1..=MOST_BITS).rev().flat_map(|length| std::iter::repeat_n(length, of_length[length]));
    order.iter().zip(longest_first).for_each(|(symbol, length)| lengths[*symbol] = length as u32);
    lengths
}

/// How deep each of these weights, the lightest first, lies in a tree in which the two lightest always come together.
fn depths(mut weights: Vec<u64>) -> impl Iterator<Item = usize> {
    let leaves = weights.len();
    let nodes = (2 * leaves).saturating_sub(1);
    let mut parents = vec![0; nodes];
    // Nodes are made in the order of their weights, so the lightest is the first leaf or the first node that is left.
    let (mut leaf, mut inner) = (0, leaves);
    for node in leaves..nodes {
        let mut weight = 0;
        for _ in 0..2 {
            let next = match leaf < leaves && (inner == node || weights[leaf] <= weights[inner]) {
                true => &mut leaf,
                false => &mut inner,
            };
            parents[*next] = node;
            weight += weights[*next];
            *next += 1;
        }
        weights.push(weight);
    }
    let mut depths = vec![0; nodes];
    (0..nodes.saturating_sub(1)).rev().for_each(|node| depths[node] = depths[parents[node]] + 1);
    depths.into_iter().take(leaves)
}

/// Bits that are written, the first into the lowest bit of a byte.
struct Bits<'a> {
    bytes: &'a mut Vec<u8>,
    /// Bytes that are full.
    end: usize,
    /// Fewer than 8 bits behind them.
    held: Code,
}

impl<'a> Bits<'a> {
    /// With room for so many bytes, each with the longest code, and for what else is said of them.
    fn new(bytes: &'a mut Vec<u8>, count: usize) -> Self {
        bytes.resize(count / 8 * MOST_BITS + 1024, 0);
        Self { bytes, end: 0, held: Code::NONE }
    }

    /// Adds at most 56 bits.
    #[inline(always)]
    fn put(&mut self, code: Code) {
        let Code { bits, count } = self.held.then(code);
        self.bytes[self.end..][..8].copy_from_slice(&bits.to_le_bytes());
        let whole = count / 8;
        self.end += whole as usize;
        self.held = Code { bits: bits >> (8 * whole), count: count % 8 };
    }

    /// Ends with the checksum of what was packed.
    fn finish(mut self, adler32: u32) {
        // Up to the end of a byte, if one was begun.
        self.put(Code { bits: 0, count: self.held.count.next_multiple_of(8) - self.held.count });
        self.bytes.truncate(self.end);
        self.bytes.extend_from_slice(&adler32.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use libdeflater::Decompressor;
    use proptest::prelude::*;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![7; 3];
        deflate(bytes, &mut out);
        let mut back = vec![0; bytes.len()];
        assert_eq!(Decompressor::new().zlib_decompress(&out, &mut back), Ok(bytes.len()));
        assert!(back == bytes);
        out
    }

    fn noise(seed: u32) -> impl Iterator<Item = u8> {
        std::iter::successors(Some(seed), |v| Some(v.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)))
            .map(|v| (v >> 24) as u8)
    }

    #[test]
    fn what_is_packed_inflates_to_itself() {
        packed(&[]);
        for length in (0..40).chain([255, 256, 257, 258, 259, 260, 261, 262, 516, 517, 518, 519, 1000]) {
            packed(&vec![0; length]);
            packed(&[&[1][..], &vec![9; length], &[3, 3, 3]].concat());
            packed(&noise(5).take(length).collect::<Vec<_>>());
        }
        assert!(packed(&[0; 100_000]).len() < 400);
        let random: Vec<u8> = noise(1).take(50_000).collect();
        assert!(packed(&random).len() < 50_000 + 50_000 / 100);
    }

    #[test]
    fn codes_are_no_longer_than_they_may_be_and_fill_their_room() {
        // As many of each byte as of the two before together: without a limit one bit more for each.
        let mut counts = [0; SYMBOLS];
        let (mut a, mut b) = (1, 1);
        for count in counts.iter_mut().take(30) {
            *count = a;
            (a, b) = (b, a + b);
        }
        for counts in [counts, [1; SYMBOLS], std::array::from_fn(|i| (i * i) as u32)] {
            let lengths = code_lengths(&counts);
            let room: u32 = lengths.iter().filter(|l| **l > 0).map(|l| 1 << (MOST_BITS as u32 - l)).sum();
            assert_eq!(room, 1 << MOST_BITS);
            assert!(lengths.iter().zip(counts).all(|(length, count)| (*length > 0) == (count > 0)));
            let shorter = |i: usize, j: usize| counts[i] > counts[j] && counts[j] > 0 && lengths[i] > lengths[j];
            assert!(!(0..SYMBOLS).any(|i| (0..SYMBOLS).any(|j| shorter(i, j))), "the frequent are not the longer");
        }
        let bytes: Vec<u8> = (0..20_u8).flat_map(|i| vec![i; 1 << (i / 2)]).collect();
        packed(&bytes);
    }

    #[test]
    fn lengths_of_runs_are_those_of_deflate() {
        for (length, symbol, count, extra) in
            [(3, 257, 0, 0), (10, 264, 0, 0), (11, 265, 1, 0), (12, 265, 1, 1), (257, 284, 5, 30), (258, 285, 0, 0)]
        {
            assert_eq!(symbol_of(length), (symbol, Code { bits: extra, count }), "{length}");
        }
        for run in (3..1200).chain([0]) {
            assert_eq!(lengths(run).sum::<usize>(), run);
            assert!(lengths(run).all(|length| (3..=LONGEST).contains(&length)), "{run}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_inflate_to_themselves(stretches in prop::collection::vec((any::<u8>(), 1..400_usize, any::<u32>()), 0..60)) {
            let stretch = |(byte, length, seed): (u8, usize, u32)| match seed % 3 {
                0 => vec![byte; length],
                1 => noise(seed).take(length).collect(),
                _ => noise(seed).map(|v| v & byte).take(length).collect(),
            };
            packed(&stretches.into_iter().flat_map(stretch).collect::<Vec<_>>());
        }
    }
}
