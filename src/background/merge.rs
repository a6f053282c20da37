//! Statistics of several files as one: of the shards of a scene, or of several scenes.

use super::Background;
use super::file::{Origin, Statistics};
use super::moments::{Moments, Tree, overlapping, packed};
use super::units::{Place, Units};
use crate::error::{Error, Result};
use crate::spectrum::Bands;

impl Statistics {
    /// Statistics of several files together: shards of one scene become the scene (the same bits in any order), whole
    /// scenes are pooled.
    ///
    /// # Errors
    /// Refuses files of different bands, shards that overlap, and a mixture of shards of several scenes.
    pub fn merge(files: Vec<(String, Self)>) -> Result<Self> {
        let Some(((first_place, first), rest)) = files.split_first() else {
            return Err(Error::refused("--merge", "no statistics were named").hint("name the files to merge"));
        };
        if rest.iter().all(|(_, s)| s.origin.identity == first.origin.identity) {
            return Self::join(files);
        }
        for (place, other) in rest {
            if !same_bands(first.origin.in_use(), other.origin.in_use()) {
                let what = format!("has other bands than {first_place}");
                return Err(Error::refused(place, what).hint("make both with the same --wavelengths"));
            }
            if first.origin.units.columns.is_some() || other.origin.units.columns.is_some() {
                return Err(Error::refused(
                    place,
                    "statistics of detector columns belong to one scene and are not pooled",
                ));
            }
        }
        Self::pool(files)
    }

    /// Shards of one scene.
    fn join(files: Vec<(String, Self)>) -> Result<Self> {
        let (first, rest) = files.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
        let same = |a: &Origin, b: &Origin| a.units == b.units && a.bands == b.bands;
        if let Some((place, _)) = rest.iter().find(|(_, s)| first.is_some_and(|(_, f)| !same(&f.origin, &s.origin))) {
            return Err(Error::refused(place, "has other units or bands than statistics of the same identity")
                .hint("make the statistics again with `alunite stats`"));
        }
        let nodes = files.iter().enumerate().flat_map(|(i, (_, s))| s.tree.nodes.keys().map(move |node| (*node, i)));
        if let Some((a, b)) = overlapping(nodes) {
            return Err(Error::refused(&files[a.max(b)].0, "holds pixels that another of the files holds too")
                .hint("name every shard once"));
        }
        let mut files = files.into_iter();
        let Some((_, mut whole)) = files.next() else {
            return Err(Error::refused("--merge", "no statistics were named").hint("name the files to merge"));
        };
        for (_, shard) in files {
            for (node, moments) in shard.tree.nodes {
                whole.tree.insert(node, moments, whole.origin.units.count(node.group));
            }
        }
        Ok(whole)
    }

    /// Whole scenes, in the order of their identities, whatever the order they are named in.
    fn pool(mut files: Vec<(String, Self)>) -> Result<Self> {
        files.sort_by(|a, b| a.1.origin.identity.cmp(&b.1.origin.identity));
        if let Some(twice) = files.windows(2).find(|w| w[0].1.origin.identity == w[1].1.origin.identity) {
            let what = format!("holds pixels of the scene that {} holds too", twice[0].0);
            return Err(Error::refused(&twice[1].0, what).hint("merge the shards of each scene first, then the scenes"));
        }
        let mut origin = files[0].1.origin.clone();
        origin.scenes = files.iter().flat_map(|(_, s)| s.origin.scenes.clone()).collect();
        origin.units = Units::new(1, 1, None);
        let backgrounds: Vec<&str> = files.iter().map(|(_, s)| s.origin.background.as_str()).collect();
        origin.background = backgrounds.join("; ");
        let mut hasher = blake3::Hasher::new();
        for (_, statistics) in &files {
            hasher.update(statistics.origin.identity.as_bytes());
        }
        origin.identity = hasher.finalize().to_hex().to_string();
        let mut pooled: Option<Background> = None;
        for (place, statistics) in &files {
            for background in statistics.backgrounds(place)?.into_iter().flatten() {
                pooled = Some(match pooled {
                    None => background,
                    Some(before) => together(&before, &background),
                });
            }
        }
        let bands = origin.bands.len();
        let (about, moments) = match pooled {
            None => (vec![0.0; bands], Moments::default()),
            Some(b) => {
                let share = (b.count as f64 - 1.0).max(0.0);
                let mut products = vec![0.0; packed(bands, 0)];
                for i in 0..bands {
                    (0..=i).for_each(|j| products[packed(i, j)] = b.covariance[(i, j)] * share);
                }
                (b.mean, Moments { count: b.count, sum: vec![0.0; bands], quantised: vec![0.0; bands], products })
            }
        };
        let mut tree = Tree::default();
        tree.insert(Place { group: 0, level: 0, index: 0 }, moments, 1);
        Ok(Self { origin, about, tree })
    }
}

/// Two groups of pixels as one (Chan, Golub & LeVeque 1983, The American Statistician 37:242).
fn together(a: &Background, b: &Background) -> Background {
    let (n, m) = (a.count as f64, b.count as f64);
    let total = n + m;
    let apart: Vec<f64> = b.mean.iter().zip(&a.mean).map(|(b, a)| b - a).collect();
    let mean = a.mean.iter().zip(&apart).map(|(a, d)| a + d * m / total).collect();
    let covariance = ndarray::Array2::from_shape_fn(a.covariance.dim(), |(i, j)| {
        let within = a.covariance[(i, j)] * (n - 1.0) + b.covariance[(i, j)] * (m - 1.0);
        (within + apart[i] * apart[j] * n * m / total) / (total - 1.0)
    });
    Background { count: a.count + b.count, mean, covariance }
}

/// Whether two scenes' bands, as indices from 0 with their centres and widths, see the same: statistics of others are not
/// pooled.
#[must_use]
pub fn same_bands(a: (&[usize], Option<&Bands>), b: (&[usize], Option<&Bands>)) -> bool {
    match (a.1, b.1) {
        (Some(x), Some(y)) => {
            x.len() == y.len() && x.centres.iter().zip(&y.centres).all(|(x, y)| (x.0 - y.0).abs() <= 0.1)
        }
        (None, None) => a.0 == b.0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::file::tests::statistics;

    #[test]
    fn pooling_is_the_statistics_of_all_pixels_in_any_order() {
        let file = |s: &Statistics| (s.origin.identity.clone(), s.clone());
        let (a, b, c) = (statistics("a", 5), statistics("b", 3), statistics("c", 9));
        let pooled = Statistics::merge(vec![file(&a), file(&b), file(&c)]).unwrap();
        assert_eq!(pooled, Statistics::merge(vec![file(&c), file(&a), file(&b)]).unwrap());
        let background = pooled.backgrounds("pooled").unwrap().remove(0).unwrap();
        // The same sums about the same spectrum: those of 17 pixels with three times the sums.
        let sum = |v: f64| 3.0 * v;
        let all = Moments {
            count: 17,
            sum: vec![sum(0.5), sum(-0.25)],
            quantised: vec![sum(0.5), sum(-0.25)],
            products: vec![sum(2.0), sum(0.1), sum(3.0)],
        };
        let expected = Background::new(&a.about, &all).unwrap();
        assert_eq!(background.count, 17);
        assert!(background.mean.iter().zip(&expected.mean).all(|(x, y)| (x - y).abs() < 1e-14));
        assert!((&background.covariance - &expected.covariance).iter().all(|d| d.abs() < 1e-14));
        assert!(Statistics::merge(vec![file(&a), file(&a)]).is_err(), "the same pixels twice");
        let mut other = statistics("d", 4);
        other.origin.bands = vec![3, 6];
        assert!(Statistics::merge(vec![file(&a), file(&other)]).is_err(), "other bands");
    }
}
