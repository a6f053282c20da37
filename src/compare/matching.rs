//! Which classes of two rasters are the same: by name, by pairs that the user gives, or by value.

use std::collections::{BTreeMap, HashMap};

use glob::Pattern;

use crate::error::{Error, Result};

/// A value of a raster that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) value: i32,
    pub(super) name: String,
}

/// How classes are matched.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Matched {
    /// By name, whatever its case.
    #[default]
    Name,
    /// By these pairs first, `A's name or pattern=B's name`, then by name.
    Pairs(Vec<String>),
    /// By value, whatever its name.
    Value,
}

/// The classes of two rasters together.
#[derive(Debug, Default)]
pub(super) struct Matching {
    /// The names of the classes, B's where it has a class.
    pub(super) names: Vec<String>,
    a: HashMap<i32, usize>,
    b: HashMap<i32, usize>,
    by_value: bool,
}

/// Most classes of both rasters together.
const MOST: usize = 65_000;

/// What no target claimed.
const UNCLASSIFIED: &str = "unclassified";

/// Names that an error lists.
const LISTED: usize = 8;

pub(super) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

pub(super) fn is_unclassified(name: &str) -> bool {
    folded(name) == UNCLASSIFIED
}

impl Matching {
    /// # Errors
    /// Refuses pairs that name no class, a class that is paired twice, names that two classes have, and rasters without a
    /// class in common.
    pub(super) fn new(how: &Matched, a: &[Named], b: &[Named]) -> Result<Self> {
        // Equal legends need no names, and may hold one twice.
        if *how == Matched::Value || (*how == Matched::Name && a == b && !a.is_empty()) {
            return Ok(Self::by_value(a, b));
        }
        let hint = "pass --by-value to compare values whatever they mean, or --classes \"NAME IN A=NAME IN B,...\"";
        for (side, legend) in [("A", a), ("B", b)] {
            if legend.is_empty() {
                return Err(Error::refused(side, "its classes have no names to match them by").hint("pass --by-value"));
            }
        }
        let paired = match how {
            Matched::Pairs(pairs) => paired(pairs, a, b)?,
            _ => HashMap::new(),
        };
        let of_name = by_name("B", b)?;
        by_name("A", &a.iter().filter(|n| !paired.contains_key(&n.value)).cloned().collect::<Vec<_>>())?;
        let mut all = Self::default();
        for class in b {
            let index = all.class(&class.name);
            all.b.insert(class.value, index);
        }
        let mut common = 0;
        for class in a {
            let of_b = paired.get(&class.value).or_else(|| of_name.get(&folded(&class.name)));
            let index = match of_b.and_then(|value| all.b.get(value)) {
                Some(&index) => {
                    common += usize::from(!is_unclassified(&class.name));
                    index
                }
                None => all.class(&class.name),
            };
            all.a.insert(class.value, index);
        }
        if common == 0 {
            let what = format!("no class of A has a name of B's; A has {}; B has {}", listed(a), listed(b));
            return Err(Error::refused("classes", what).hint(hint));
        }
        Ok(all)
    }

    fn by_value(a: &[Named], b: &[Named]) -> Self {
        let mut names: BTreeMap<i32, String> = b.iter().map(|n| (n.value, n.name.clone())).collect();
        for class in a {
            let name = names.entry(class.value).or_insert_with(|| class.name.clone());
            if folded(name) != folded(&class.name) {
                *name = format!("{} / {name}", class.name);
            }
        }
        let mut all = Self { by_value: true, ..Self::default() };
        for (value, name) in names {
            let index = all.class(&name);
            all.a.insert(value, index);
            all.b.insert(value, index);
        }
        all
    }

    fn class(&mut self, name: &str) -> usize {
        self.names.push(name.to_owned());
        self.names.len() - 1
    }

    /// The classes of a pixel; values that have no name become classes of their own, of one raster alone unless values are
    /// compared.
    ///
    /// # Errors
    /// Refuses more classes than a map can hold.
    pub(super) fn pair(&mut self, a: i32, b: i32) -> Result<(usize, usize)> {
        Ok((self.of(a, true)?, self.of(b, false)?))
    }

    fn of(&mut self, value: i32, is_a: bool) -> Result<usize> {
        if let Some(&index) = (if is_a { &self.a } else { &self.b }).get(&value) {
            return Ok(index);
        }
        if self.names.len() >= MOST {
            return Err(Error::refused("classes", format!("more than {MOST} values occur"))
                .hint("name rasters of classes, not of numbers"));
        }
        let index = match (self.by_value, is_a) {
            (true, _) => self.class(&format!("value {value}")),
            (false, true) => self.class(&format!("value {value} of A, without a name")),
            (false, false) => self.class(&format!("value {value} of B, without a name")),
        };
        if is_a || self.by_value {
            self.a.insert(value, index);
        }
        if !is_a || self.by_value {
            self.b.insert(value, index);
        }
        Ok(index)
    }

    /// Classes that A alone has, and those that B alone has.
    pub(super) fn unmatched(&self) -> [Vec<String>; 2] {
        let only = |this: &HashMap<i32, usize>, other: &HashMap<i32, usize>| {
            let others: std::collections::HashSet<&usize> = other.values().collect();
            let mut only: Vec<usize> = this.values().filter(|index| !others.contains(index)).copied().collect();
            only.sort_unstable();
            only.dedup();
            only.into_iter().map(|index| self.names[index].clone()).collect()
        };
        [only(&self.a, &self.b), only(&self.b, &self.a)]
    }
}

/// Of each name the value that has it.
fn by_name(side: &str, legend: &[Named]) -> Result<HashMap<String, i32>> {
    let mut values = HashMap::new();
    for class in legend {
        if let Some(other) = values.insert(folded(&class.name), class.value) {
            let what = format!("values {other} and {} are both called '{}'", class.value, class.name);
            return Err(Error::refused(side, what).hint("pass --by-value, or rename one of them"));
        }
    }
    Ok(values)
}

/// Of each value of A that a pair names, the value of B that it is paired with.
fn paired(pairs: &[String], a: &[Named], b: &[Named]) -> Result<HashMap<i32, i32>> {
    let of_name = by_name("B", b)?;
    let mut paired = HashMap::new();
    for pair in pairs {
        let refused = |what: String| {
            let hint = format!("write NAME IN A=NAME IN B; A has {}; B has {}", listed(a), listed(b));
            Err(Error::refused(format!("--classes {pair}"), what).hint(hint))
        };
        // Names may hold '=' themselves.
        let mut found = Vec::new();
        for (at, _) in pair.match_indices('=') {
            let (left, right) = (&pair[..at], folded(&pair[at + 1..]));
            if let Some(&value) = of_name.get(&right) {
                found.extend(Some((values(left, a), value)).filter(|(values, _)| !values.is_empty()));
            }
        }
        match &found[..] {
            [] => return refused("no class of A has the name before =, or none of B the one after it".to_owned()),
            [(values, of_b)] => {
                for value in values {
                    if paired.insert(*value, *of_b).is_some_and(|other| other != *of_b) {
                        return refused(format!("value {value} of A is paired with two classes of B"));
                    }
                }
            }
            _ => return refused("can be read in several ways".to_owned()),
        }
    }
    Ok(paired)
}

/// The values of A that a name or a pattern means; a class that has exactly this name goes before patterns.
fn values(text: &str, a: &[Named]) -> Vec<i32> {
    let wanted = folded(text);
    let exactly: Vec<i32> = a.iter().filter(|n| folded(&n.name) == wanted).map(|n| n.value).collect();
    match (exactly.is_empty(), Pattern::new(&wanted)) {
        (true, Ok(pattern)) => a.iter().filter(|n| pattern.matches(&folded(&n.name))).map(|n| n.value).collect(),
        _ => exactly,
    }
}

fn listed(legend: &[Named]) -> String {
    let names: Vec<&str> = legend.iter().filter(|n| !is_unclassified(&n.name)).map(|n| n.name.as_str()).collect();
    let more = if names.len() > LISTED { format!("; and {} more", names.len() - LISTED) } else { String::new() };
    names[..names.len().min(LISTED)].join("; ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legend(names: &[&str]) -> Vec<Named> {
        (0..).zip(names).map(|(value, name)| Named { value, name: (*name).to_owned() }).collect()
    }

    fn pairs(text: &[&str]) -> Matched {
        Matched::Pairs(text.iter().map(|&t| t.to_owned()).collect())
    }

    #[test]
    fn names_match_whatever_their_case_and_order() {
        let (a, b) = (legend(&["unclassified", "Alunite", "Opal"]), legend(&["Unclassified", "Calcite", "ALUNITE"]));
        let mut all = Matching::new(&Matched::Name, &a, &b).unwrap();
        assert_eq!(all.names, ["Unclassified", "Calcite", "ALUNITE", "Opal"]);
        assert_eq!((all.pair(1, 2).unwrap(), all.pair(2, 1).unwrap()), ((2, 2), (3, 1)));
        assert_eq!(all.unmatched(), [vec!["Opal".to_owned()], vec!["Calcite".to_owned()]]);
        let (a, b) = (all.pair(9, 9).unwrap(), all.names.len());
        assert_eq!((a, b), ((4, 5), 6), "values without a name are one raster's alone");
    }

    #[test]
    fn pairs_join_several_classes_of_a_and_may_hold_any_sign() {
        let (a, b) =
            (legend(&["unclassified", "Alunite K=1", "Alunite Na", "x=y, [z]"]), legend(&["0", "alunite", "y"]));
        let how = pairs(&["alunite*=Alunite", "x=y, [z]=y"]);
        let mut all = Matching::new(&how, &a, &b).unwrap();
        assert_eq!(
            (all.pair(1, 1).unwrap(), all.pair(2, 1).unwrap(), all.pair(3, 2).unwrap()),
            ((1, 1), (1, 1), (2, 2))
        );
        for bad in [&["alunite"][..], &["Alunite Na=opal"], &["quartz=y"], &["Alun*=alunite", "Alunite Na=y"]] {
            assert!(Matching::new(&pairs(bad), &a, &b).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        let twice = legend(&["unclassified", "Opal", "opal"]);
        let once = legend(&["unclassified", "Opal"]);
        let error = Matching::new(&Matched::Name, &once, &twice).unwrap_err();
        assert!(error.to_string().contains("values 1 and 2"), "{error}");
        assert!(Matching::new(&Matched::Name, &twice, &twice).is_ok(), "equal legends");
        assert!(Matching::new(&Matched::Name, &once, &legend(&["unclassified", "Talc"])).is_err());
        assert!(Matching::new(&Matched::Name, &once, &[]).is_err());
        let mut by_value = Matching::new(&Matched::Value, &once, &legend(&["Unclassified", "Talc"])).unwrap();
        assert_eq!(by_value.names, ["Unclassified", "Opal / Talc"]);
        assert_eq!(by_value.pair(7, 7).unwrap(), (2, 2));
    }
}
