//! The thresholds of the spectra that are looked for.

use crate::error::{Error, Result};
use crate::library::select::find;
use crate::methods::{self, Method};

/// A threshold: of all methods or one, for all targets or those of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// The method's word as typed; `None` for every method.
    pub method: Option<String>,
    /// The name as typed; `None` for all.
    pub name: Option<String>,
    /// In the method's unit.
    pub value: f64,
}

impl std::str::FromStr for Threshold {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::split(text).map_err(|value| {
            Error::refused(format!("threshold '{text}'"), format!("'{value}' is not a number"))
                .hint("write 0.1, Alunite=0.08, mf:0.2 or mf:Alunite=0.15")
        })
    }
}

/// A rate of false alarms, the share of the background that passes a threshold: written and chosen as thresholds are.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate(
    /// Its value is a share above 0 and below 1.
    Threshold,
);

impl std::str::FromStr for Rate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |what: String| {
            Error::refused(format!("false alarms '{text}'"), what)
                .hint("write 1e-4, Alunite=1e-5, mf:1e-4 or mf:Alunite=1e-5")
        };
        let rate = Threshold::split(text).map_err(|value| refused(format!("'{value}' is not a number")))?;
        match rate.value > 0.0 && rate.value < 1.0 {
            true => Ok(Self(rate)),
            false => Err(refused(format!("{} is not a share between 0 and 1", rate.value))),
        }
    }
}

impl Threshold {
    /// The parts of a text; what is not a number, when it is none.
    fn split(text: &str) -> Result<Self, &str> {
        let (method, rest) = match text.split_once(':') {
            Some((word, rest)) if methods::find(word.trim()).is_some() => (Some(word.trim().to_owned()), rest),
            _ => (None, text),
        };
        let (name, value) = match rest.rsplit_once('=') {
            Some((name, value)) => (Some(name.to_owned()), value),
            None => (None, rest),
        };
        Ok(Self { method, name, value: value.trim().parse().map_err(|_| value)? })
    }

    /// How closely it says what it is of: a name counts more than a method.
    fn closeness(&self) -> u8 {
        2 * u8::from(self.name.is_some()) + u8::from(self.method.is_some())
    }

    fn is_of(&self, method: &dyn Method) -> bool {
        self.method.as_deref().is_none_or(|word| word == method.word())
    }
}

/// Whether a threshold for all targets of a method was given.
pub(super) fn given(rules: &[Threshold], method: &dyn Method) -> bool {
    rules.iter().any(|r| r.name.is_none() && r.is_of(method))
}

/// One threshold a target, for each method; later rules win over earlier ones, and rules with a name over those without.
pub(super) fn thresholds(
    names: &[String],
    rules: &[Threshold],
    methods: &[&'static dyn Method],
) -> Result<Vec<Vec<f64>>> {
    let with_targets = methods.iter().filter(|m| m.has_targets()).count();
    for rule in rules {
        match &rule.method {
            None if with_targets > 1 => {
                let word = methods.iter().find(|m| m.has_targets()).map_or("mf", |m| m.word());
                let what = format!("{} is of no method, and several have been asked for", rule.value);
                return Err(Error::refused("--threshold", what).hint(format!("name the method: {word}:{}", rule.value)));
            }
            Some(word) if methods.iter().all(|m| m.word() != word || !m.has_targets()) => {
                let what = format!("'{word}' is not among the methods that look for targets");
                return Err(Error::refused("--threshold", what).hint(format!("add {word} to --method")));
            }
            _ => {}
        }
    }
    methods.iter().map(|method| of_method(names, rules, *method)).collect()
}

fn of_method(names: &[String], rules: &[Threshold], method: &dyn Method) -> Result<Vec<f64>> {
    if !method.has_targets() {
        return Ok(Vec::new());
    }
    let rules: Vec<&Threshold> = rules.iter().filter(|r| r.is_of(method)).collect();
    let range = method.threshold_range();
    if let Some(rule) = rules.iter().find(|r| !range.contains(&r.value)) {
        let end = (range.end() * 1e4).round() / 1e4;
        let what = format!("{} is outside {} to {end} {}", rule.value, range.start(), method.unit());
        return Err(Error::refused("--threshold", what.trim_end())
            .hint(format!("`alunite explain {}` says what its scores mean", method.word())));
    }
    let general = rules.iter().rev().find(|r| r.name.is_none()).map_or(method.default_threshold(), |r| r.value);
    let mut thresholds = vec![general; names.len()];
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    for rule in rules {
        let Some(name) = &rule.name else { continue };
        find("--threshold", name, &known)?.into_iter().for_each(|i| thresholds[i] = rule.value);
    }
    Ok(thresholds)
}

/// Whether a rate for all targets of a method was given.
pub(super) fn rate_given(rates: &[Rate], method: &dyn Method) -> bool {
    rates.iter().any(|Rate(rule)| rule.name.is_none() && rule.is_of(method))
}

/// For each method, the rate of false alarms of each target; nothing where a threshold says more closely what it is of, or
/// no rate was given. Later rates win over earlier ones, and those with a name over those without.
pub(super) fn rates(
    names: &[String],
    thresholds: &[Threshold],
    rates: &[Rate],
    methods: &[&'static dyn Method],
) -> Result<Vec<Vec<Option<f64>>>> {
    for Rate(rule) in rates {
        if methods.iter().all(|m| !m.has_targets() || !rule.is_of(*m)) {
            let word = rule.method.as_deref().unwrap_or("a method");
            let what = match &rule.method {
                Some(word) => format!("'{word}' is not among the methods that look for targets"),
                None => "no method looks for targets".to_owned(),
            };
            return Err(Error::refused("--false-alarms", what).hint(format!("add {word} to --method, or leave it out")));
        }
    }
    let rates: Vec<Threshold> = rates.iter().map(|Rate(rule)| rule.clone()).collect();
    let of_method = |method: &&'static dyn Method| {
        if !method.has_targets() {
            return Ok(Vec::new());
        }
        let fixed = winners("--threshold", names, thresholds, *method)?;
        let rates = winners("--false-alarms", names, &rates, *method)?;
        let one = |(i, (fixed, rate)): (usize, (&Option<&Threshold>, &Option<&Threshold>))| {
            let closeness = |rule: &Option<&Threshold>| rule.map_or(0, |rule| 1 + rule.closeness());
            let Some(rate) = rate.filter(|_| closeness(rate) >= closeness(fixed)) else { return Ok(None) };
            if closeness(&Some(rate)) > closeness(fixed) {
                return Ok(Some(rate.value));
            }
            let what = format!("{} has a threshold and a rate of false alarms for '{}'", method.word(), names[i]);
            Err(Error::refused("--false-alarms", what).hint("leave one out, or give it for a name: Alunite=1e-5"))
        };
        fixed.iter().zip(&rates).enumerate().map(one).collect()
    };
    methods.iter().map(of_method).collect()
}

/// Of each target, the rule of a method that wins.
fn winners<'a>(
    flag: &str,
    names: &[String],
    rules: &'a [Threshold],
    method: &dyn Method,
) -> Result<Vec<Option<&'a Threshold>>> {
    let rules: Vec<&Threshold> = rules.iter().filter(|r| r.is_of(method)).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut winners = vec![rules.iter().rev().find(|r| r.name.is_none()).copied(); names.len()];
    for &rule in &rules {
        let Some(name) = &rule.name else { continue };
        find(flag, name, &known)?.into_iter().for_each(|i| winners[i] = Some(rule));
    }
    Ok(winners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_by_name_win_over_the_general_one() {
        let names = ["Alunite GDS84".to_owned(), "Opal".to_owned()];
        let parse = |text: &[&str]| text.iter().map(|t| t.parse().unwrap()).collect::<Vec<Threshold>>();
        let sam = methods::find("sam").unwrap();
        let of = |text: &[&str]| thresholds(&names, &parse(text), &[sam]).map(|mut all| all.remove(0));
        assert_eq!(of(&[]).unwrap(), [0.1, 0.1]);
        assert_eq!(of(&["Alunite=0.08", "0.2"]).unwrap(), [0.08, 0.2]);
        assert_eq!(of(&["sam:Alunite=0.08", "0.2"]).unwrap(), [0.08, 0.2]);
        assert_eq!(of(&["*GDS*=0.08"]).unwrap(), [0.08, 0.1]);
        assert!(of(&["Topaz=0.08"]).is_err());
        assert!(of(&["-0.1"]).is_err() && of(&["NaN"]).is_err() && of(&["4"]).is_err());
        assert!("Alunite=x".parse::<Threshold>().is_err());
    }

    #[test]
    fn several_methods_have_thresholds_of_their_own() {
        let names = ["Alunite".to_owned(), "Opal".to_owned()];
        let methods: Vec<&'static dyn Method> = ["sam", "mf", "rx"].map(|w| methods::find(w).unwrap()).to_vec();
        let of = |text: &[&str]| {
            let rules: Vec<Threshold> = text.iter().map(|t| t.parse().unwrap()).collect();
            thresholds(&names, &rules, &methods)
        };
        let found = of(&["mf:Alunite=0.3", "sam:0.05", "mf:-0.5"]).unwrap();
        assert_eq!(found, [vec![0.05, 0.05], vec![0.3, -0.5], vec![]]);
        let error = of(&["0.1"]).unwrap_err();
        assert!(error.next_step().unwrap().contains("sam:0.1"), "{error:?}");
        assert!(of(&["ace:0.1"]).is_err() && of(&["rx:0.1"]).is_err());
        // A colon in a name is no method.
        assert_eq!("USGS: Alunite=0.1".parse::<Threshold>().unwrap().name.as_deref(), Some("USGS: Alunite"));
    }

    #[test]
    fn rates_and_thresholds_of_one_target_are_chosen_by_who_says_more_closely() {
        let names = ["Alunite".to_owned(), "Opal".to_owned()];
        let methods: Vec<&'static dyn Method> = ["sam", "mf", "rx"].map(|w| methods::find(w).unwrap()).to_vec();
        let of = |fixed: &[&str], asked: &[&str]| {
            let fixed: Vec<Threshold> = fixed.iter().map(|t| t.parse().unwrap()).collect();
            let asked: Vec<Rate> = asked.iter().map(|t| t.parse().unwrap()).collect();
            rates(&names, &fixed, &asked, &methods)
        };
        let (some, none) = (Some(1e-4), None);
        assert_eq!(of(&[], &[]).unwrap(), [vec![none, none], vec![none, none], vec![]]);
        assert_eq!(of(&[], &["1e-4"]).unwrap(), [vec![some, some], vec![some, some], vec![]]);
        assert_eq!(of(&["sam:0.1"], &["mf:Opal=1e-4"]).unwrap(), [vec![none, none], vec![none, some], vec![]]);
        assert_eq!(of(&["sam:0.1"], &["1e-4"]).unwrap(), [vec![none, none], vec![some, some], vec![]]);
        assert_eq!(of(&["mf:Opal=0.1"], &["1e-4"]).unwrap(), [vec![some, some], vec![some, none], vec![]]);
        let twice = of(&["mf:0.2"], &["mf:1e-4"]).unwrap_err().to_string();
        assert!(twice.contains("mf has a threshold and a rate of false alarms for 'Alunite'"), "{twice}");
        assert!(of(&["mf:Opal=0.1"], &["mf:Opal=1e-4"]).is_err());
        assert!(of(&[], &["rx:1e-4"]).is_err() && of(&[], &["ace:1e-4"]).is_err() && of(&[], &["Topaz=0.1"]).is_err());
        for bad in ["0", "1", "-1e-4", "NaN", "x", "mf:Alunite=", "2"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }
}
