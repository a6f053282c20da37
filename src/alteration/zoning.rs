//! Which zone a pixel's minerals make.

use serde::Serialize;

use super::rules::Rules;
use crate::compute::{MapScores, Scores};
use crate::methods::Method;

/// What became of a target's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Named {
    /// It is this species.
    Species(String),
    /// No word of the rules stands in it.
    Unknown,
    /// Words of several species stand in it.
    Several(Vec<String>),
}

/// A target and its species.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The target's name.
    pub target: String,
    /// Its species.
    pub named: Named,
}

/// Species are a bit each.
type Set = u128;

/// The rules applied to the targets of a run.
#[derive(Debug, Clone)]
pub struct Zoning {
    /// What became of each target's name.
    pub found: Vec<Found>,
    zones: Vec<Condition>,
    /// The zone that two species make of which the first is the pixel's class and the second is there too, `[first][second]`;
    /// in the last places of both for none.
    of_pairs: Vec<u16>,
    species: usize,
    /// Of each method with targets: which way is better, and of each target its species, if it is looked for with this
    /// method, and the worst score at which it is there.
    methods: Vec<Option<Looked>>,
}

#[derive(Debug, Clone)]
struct Looked {
    smaller_is_better: bool,
    targets: Vec<Option<(usize, f64)>>,
}

#[derive(Debug, Clone, Copy)]
struct Condition {
    any: Set,
    with: Set,
    not: Set,
}

impl Zoning {
    /// Applies rules to targets; `methods` are the run's, each with one threshold a target.
    #[must_use]
    pub fn new(rules: &Rules, targets: &[String], methods: &[(&'static dyn Method, &[f64])]) -> Self {
        let place = |name: &String| rules.minerals.keys().position(|n| n == name);
        let set = |names: &[String]| names.iter().filter_map(place).fold(0, |set, i| set | bit(i));
        let condition =
            |zone: &super::Zone| Condition { any: set(&zone.any), with: set(&zone.with), not: set(&zone.not) };
        let found: Vec<Found> = targets.iter().map(|t| Found { target: t.clone(), named: named(rules, t) }).collect();
        let first = methods.iter().find(|(m, _)| m.has_targets()).map(|(m, _)| m.word());
        let looked = |&(method, thresholds): &(&'static dyn Method, &[f64])| {
            let of_target = |(found, &threshold): (&Found, &f64)| {
                let Named::Species(name) = &found.named else { return None };
                let species = rules.minerals.get(name)?;
                let own = species.method.as_deref().filter(|word| methods.iter().any(|(m, _)| m.word() == *word));
                // A method that is not of this run leaves the species to the first.
                let threshold = if own.is_some() { species.threshold.unwrap_or(threshold) } else { threshold };
                place(name).filter(|_| own.or(first) == Some(method.word())).map(|species| (species, threshold))
            };
            method.has_targets().then(|| Looked {
                smaller_is_better: method.better(0.0, 1.0),
                targets: found.iter().zip(thresholds).map(of_target).collect(),
            })
        };
        let zones: Vec<Condition> = rules.zones.iter().map(condition).collect();
        let species = rules.minerals.len();
        let pairs = (0..=species).flat_map(|first| (0..=species).map(move |second| (first, second)));
        let only = |i: usize| if i < species { bit(i) } else { 0 };
        Self {
            of_pairs: pairs.map(|(first, second)| zone(&zones, only(first), only(first) | only(second))).collect(),
            species,
            methods: methods.iter().map(looked).collect(),
            zones,
            found,
        }
    }

    /// Whether any target is of a species that some zone is known by.
    #[must_use]
    pub fn has_zones(&self) -> bool {
        let known = self.zones.iter().fold(0, |all, zone| all | zone.any);
        self.methods.iter().flatten().flat_map(|m| &m.targets).flatten().any(|(species, _)| bit(*species) & known != 0)
    }

    /// The zone of every pixel of a tile, from 1; 0 for none, `nodata` where no method has data.
    #[must_use]
    pub fn zones(&self, maps: &[MapScores], nodata: u16) -> Vec<u16> {
        Self::of_scenes(&[self], maps, &[], nodata)
    }

    /// As [`Zoning::zones`] of a mosaic whose scenes have thresholds of their own, and differ in nothing else: `scenes` are
    /// theirs, and `sources` say of each method the scene of each pixel; the first's where none stands for it.
    #[must_use]
    pub fn of_scenes(scenes: &[&Self], maps: &[MapScores], sources: &[Vec<u16>], nodata: u16) -> Vec<u16> {
        let Some(first) = scenes.first() else { return Vec::new() };
        let looking = || first.methods.iter().zip(maps).enumerate().filter(|(_, (looked, _))| looked.is_some());
        let pixels = looking().next().map_or(0, |(_, (_, map))| map.score.len());
        let looked = |method: usize, p: usize| {
            let source = sources.get(method).map_or(0, |sources| usize::from(sources[p]));
            scenes.get(source).unwrap_or(first).methods[method].as_ref()
        };
        if let (1, Some((method, (_, map)))) = (looking().count(), looking().next()) {
            let zone = |p| looked(method, p).map_or(nodata, |looked| first.zone_by_one(looked, map, p, nodata));
            return (0..pixels).map(zone).collect();
        }
        let found = |p: usize| looking().filter_map(move |(i, (_, map))| Some((looked(i, p)?, map)));
        (0..pixels).map(|p| first.zone(found(p), p, nodata)).collect()
    }

    /// As [`Zoning::zone`] where one method looks: two targets at most are there, and what they make is known.
    fn zone_by_one(&self, looked: &Looked, map: &MapScores, p: usize, nodata: u16) -> u16 {
        if map.best[p] == Scores::NODATA {
            return nodata;
        }
        let [first, second] = looked.there(map, p).map(|species| species.unwrap_or(self.species));
        self.of_pairs[first * (self.species + 1) + second]
    }

    fn zone<'a>(&self, looked: impl Iterator<Item = (&'a Looked, &'a MapScores)>, p: usize, nodata: u16) -> u16 {
        let (mut classes, mut there, mut data) = (0, 0, false);
        for (looked, map) in looked {
            if map.best[p] == Scores::NODATA {
                continue;
            }
            data = true;
            let [class, second] = looked.there(map, p).map(|species| species.map_or(0, bit));
            classes |= class;
            there |= class | second;
        }
        // Most ground is of no species.
        match classes {
            0 if !data => nodata,
            0 => 0,
            _ => zone(&self.zones, classes, there),
        }
    }
}

/// The set of the species in this place of the rules.
fn bit(species: usize) -> Set {
    1 << species
}

/// The first zone whose conditions are met, from 1; 0 for none.
fn zone(zones: &[Condition], classes: Set, there: Set) -> u16 {
    let met = |zone: &Condition| zone.any & classes != 0 && zone.with & !there == 0 && zone.not & there == 0;
    zones.iter().position(met).map_or(0, |zone| zone as u16 + 1)
}

impl Looked {
    /// As [`Method::better`], without a call for every pixel.
    fn is_better(&self, a: f64, b: f64) -> bool {
        if self.smaller_is_better { a < b } else { a > b }
    }

    /// The species of a pixel's best target and of its runner-up, each if its score passes.
    fn there(&self, map: &MapScores, p: usize) -> [Option<usize>; 2] {
        let (score, margin) = (f64::from(map.score[p]), f64::from(map.margin[p]));
        let second = if self.smaller_is_better { score + margin } else { score - margin };
        [self.passing(map.best[p], score), self.passing(map.runner_up[p], second)]
    }

    /// The species of a target whose score passes its threshold.
    fn passing(&self, target: u16, score: f64) -> Option<usize> {
        let &(species, threshold) = self.targets.get(usize::from(target))?.as_ref()?;
        (!self.is_better(threshold, score)).then_some(species)
    }
}

/// The species whose words stand in a name, each alone.
fn named(rules: &Rules, name: &str) -> Named {
    let name = name.to_lowercase();
    let says = |word: &String| {
        let word = word.trim().to_lowercase();
        name.match_indices(&word).any(|(at, _)| {
            let before = name[..at].chars().next_back();
            let after = name[at + word.len()..].chars().next();
            [before, after].into_iter().flatten().all(|c| !c.is_alphabetic())
        })
    };
    let mut species: Vec<String> = rules
        .minerals
        .iter()
        .filter(|(_, species)| species.words.iter().any(says))
        .map(|(name, _)| name.clone())
        .collect();
    match (species.len(), species.pop()) {
        (1, Some(only)) => Named::Species(only),
        (_, Some(last)) => Named::Several(species.into_iter().chain([last]).collect()),
        (_, None) => Named::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|&n| n.to_owned()).collect()
    }

    #[test]
    fn names_of_any_library_are_species_or_are_told() {
        let rules = Rules::shipped().unwrap();
        let species = |name: &str| named(&rules, name);
        for (name, is) in [
            ("Alunite GDS84 Na03", "alunite"),
            ("K-Alunite AL706", "alunite"),
            ("KAOLINITE KGa-1 (wxl)", "kaolinite"),
            ("Muscovite_GDS107", "muscovite"),
            ("Chlorite SMR-13.c 45-60um", "chlorite"),
            ("White mica, fine", "muscovite"),
            ("Opal WS732", "opal"),
            ("Biotite HS28.3B", "biotite"),
        ] {
            assert_eq!(species(name), Named::Species(is.to_owned()), "{name}");
        }
        assert_eq!(species("Talcum 3"), Named::Unknown);
        assert_eq!(species("Opalescent glass"), Named::Unknown);
        assert_eq!(species(""), Named::Unknown);
        assert_eq!(species("Kaolinite+Muscovite"), Named::Several(strings(&["kaolinite", "muscovite"])));
    }

    /// One pixel: best, its score, runner-up, margin.
    fn pixels(all: &[(u16, f32, u16, f32)]) -> MapScores {
        MapScores {
            best: all.iter().map(|p| p.0).collect(),
            score: all.iter().map(|p| p.1).collect(),
            runner_up: all.iter().map(|p| p.2).collect(),
            margin: all.iter().map(|p| p.3).collect(),
            ..MapScores::default()
        }
    }

    #[test]
    fn zones_follow_class_runner_up_and_thresholds() {
        let text = "[[zone]]\nname = \"acid\"\ncolor = \"#d81b60\"\nany = [\"alunite\"]\nnot = [\"calcite\"]\n\
                    [[zone]]\nname = \"both\"\ncolor = \"#010203\"\nany = [\"alunite\", \"kaolinite\"]\nwith = [\"calcite\"]\n\
                    [minerals]\nalunite = { words = [\"alunite\"] }\nkaolinite = { words = [\"kaolinite\"] }\n\
                    calcite = { words = [\"calcite\"] }\n";
        let rules = Rules::parse(text, "x").unwrap();
        let targets = strings(&["Alunite 1", "Calcite", "Kaolinite", "Mud"]);
        let sam = methods::find("sam").unwrap();
        let zoning = Zoning::new(&rules, &targets, &[(sam, &[0.1; 4])]);
        assert!(zoning.has_zones());
        let map = pixels(&[
            (0, 0.05, 2, 0.01),                                   // alunite, kaolinite next
            (0, 0.05, 1, 0.01),                                   // alunite, calcite next
            (0, 0.05, 1, 0.06),                                   // calcite does not pass
            (0, 0.2, 2, 0.01),                                    // alunite does not pass
            (2, 0.05, 0, 0.01),                                   // kaolinite alone is no zone here
            (2, 0.05, 1, 0.01),                                   // kaolinite with calcite
            (3, 0.01, 0, 0.01),                                   // mud
            (Scores::NODATA, f32::NAN, Scores::NODATA, f32::NAN), // no data
            (0, 0.05, Scores::NODATA, f32::NAN),                  // the only target, at its threshold
        ]);
        assert_eq!(zoning.zones(&[map], 255), [1, 2, 1, 0, 0, 2, 0, 255, 1]);
        assert!(!Zoning::new(&rules, &strings(&["Mud"]), &[(sam, &[0.1])]).has_zones());
    }

    /// What is known of pairs beforehand is what their sets make, with the shipped rules.
    #[test]
    fn pairs_of_targets_make_what_their_sets_make() {
        let rules = Rules::shipped().unwrap();
        let targets: Vec<String> = rules.minerals.keys().cloned().chain(["mud".to_owned()]).collect();
        let sam = methods::find("sam").unwrap();
        let zoning = Zoning::new(&rules, &targets, &[(sam, &vec![0.1; targets.len()])]);
        let pair = |(best, second): (u16, u16)| {
            [(0.05, 0.01), (0.05, 0.06), (0.2, 0.0)].map(|(score, margin)| (best, score, second, margin))
        };
        let count = targets.len() as u16;
        let pairs = (0..count).flat_map(|best| (0..count).map(move |second| (best, second)));
        let map = pixels(&pairs.flat_map(pair).collect::<Vec<_>>());
        let looked = zoning.methods[0].as_ref().unwrap();
        let by_sets = |p| zoning.zone(std::iter::once((looked, &map)), p, 255);
        let expected: Vec<u16> = (0..map.score.len()).map(by_sets).collect();
        assert!(expected.iter().max() > Some(&3), "the rules tell too little");
        assert_eq!(zoning.zones(std::slice::from_ref(&map), 255), expected);
    }

    #[test]
    fn scenes_of_a_mosaic_have_thresholds_of_their_own() {
        let text = "[[zone]]\nname = \"acid\"\ncolor = \"#d81b60\"\nany = [\"alunite\"]\n\
                    [minerals]\nalunite = { words = [\"alunite\"] }\n";
        let rules = Rules::parse(text, "x").unwrap();
        let (sam, targets) = (methods::find("sam").unwrap(), strings(&["Alunite"]));
        let [strict, wide] = [0.05, 0.2].map(|threshold| Zoning::new(&rules, &targets, &[(sam, &[threshold])]));
        let map = pixels(&[(0, 0.1, Scores::NODATA, f32::NAN); 3]);
        let of = |sources: &[Vec<u16>]| Zoning::of_scenes(&[&strict, &wide], std::slice::from_ref(&map), sources, 255);
        assert_eq!(of(&[vec![0, 1, 1]]), [0, 1, 1]);
        assert_eq!(of(&[]), [0, 0, 0]);
    }

    #[test]
    fn a_species_is_looked_for_with_its_own_method_and_threshold() {
        let text = "[[zone]]\nname = \"acid\"\ncolor = \"#d81b60\"\nany = [\"alunite\"]\n\
                    [[zone]]\nname = \"clay\"\ncolor = \"#010203\"\nany = [\"kaolinite\"]\n\
                    [minerals]\nalunite = { words = [\"alunite\"], method = \"mf\", threshold = 0.4 }\n\
                    kaolinite = { words = [\"kaolinite\"] }\n";
        let rules = Rules::parse(text, "x").unwrap();
        let (sam, mf) = (methods::find("sam").unwrap(), methods::find("mf").unwrap());
        let targets = strings(&["Alunite", "Kaolinite"]);
        let zoning = Zoning::new(&rules, &targets, &[(sam, &[0.1; 2]), (mf, &[0.2; 2])]);
        let angle = pixels(&[(0, 0.01, 1, 0.5), (1, 0.01, 0, 0.5), (1, 0.01, 0, 0.5), (0, 0.01, 1, 0.01)]);
        let filter = pixels(&[(0, 0.3, 1, 0.3), (0, 0.5, 1, 0.5), (1, 0.5, 0, 0.05), (1, 0.9, 0, 0.1)]);
        // Alunite counts only where the filter gives it 0.4 as the best; kaolinite only where the angle does.
        assert_eq!(zoning.zones(&[angle.clone(), filter], 255), [0, 1, 2, 0]);
        // Without that method, it is the first that decides, with the run's threshold.
        let zoning = Zoning::new(&rules, &targets, &[(sam, &[0.1; 2])]);
        assert_eq!(zoning.zones(&[angle], 255), [1, 2, 2, 1]);
    }
}
