//! What holds for statistics in any bytes.

use super::file::{Statistics, with_sums};
use crate::spectrum::Bands;

/// Few bands keep sums short; many say nothing more.
const BANDS: usize = 8;

/// A file as it lies, and one whose checksum and whose length fit: the description, and behind a zero the numbers, as many
/// as the description asks for.
pub fn statistics(data: &[u8]) {
    if let Ok(found) = Statistics::from_bytes(data, "x") {
        check(&found);
    }
    let at = data.iter().position(|&b| b == 0).unwrap_or(data.len());
    let Some(sealed) = with_sums(&data[..at], data.get(at + 1..).unwrap_or_default(), BANDS) else { return };
    if let Ok(found) = Statistics::from_bytes(&sealed, "x") {
        check(&found);
    }
}

/// What was read is written to bytes that give the same bytes again; its numbers are as many as it says; and it can be
/// used: merged with what does not overlap, selected from, made a background.
fn check(found: &Statistics) {
    let bytes = found.to_bytes().expect("a description serialises");
    let again = Statistics::from_bytes(&bytes, "x").expect("what was written is read");
    assert!(again.to_bytes().expect("a description serialises") == bytes, "written again, it has other bytes");
    let bands = found.origin.bands.len();
    assert_eq!(found.about.len(), bands);
    assert!(found.origin.band_facts.as_ref().is_none_or(|facts| sound(facts, bands)));
    for moments in found.tree.nodes.values() {
        let expected = if moments.count > 0 { bands } else { 0 };
        assert_eq!((moments.sum.len(), moments.quantised.len()), (expected, expected));
    }
    if let Ok(backgrounds) = found.backgrounds("x") {
        assert!(backgrounds.iter().flatten().all(|b| b.bands() == bands && b.count > 0));
    }
    let half: Vec<usize> = (0..bands).rev().step_by(2).collect();
    let selected = found.select(&half);
    assert_eq!(selected.about.len(), half.len());
    if found.tree.nodes.is_empty() {
        return;
    }
    let twice = Statistics::merge(vec![("x".into(), found.clone()), ("y".into(), again)]);
    assert!(twice.is_err(), "the same pixels twice");
    let mut other = found.clone();
    other.origin.identity.push('2');
    if let Ok(pooled) = Statistics::merge(vec![("x".into(), found.clone()), ("y".into(), other)]) {
        let count = |s: &Statistics| s.tree.nodes.values().map(|m| m.count).sum::<u64>();
        assert_eq!(count(&pooled), 2 * count(found));
    }
}

fn sound(facts: &Bands, bands: usize) -> bool {
    facts.len() == bands && facts.fwhm.as_ref().is_none_or(|fwhm| fwhm.len() == bands)
}
