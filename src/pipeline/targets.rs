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
        let (method, rest) = match text.split_once(':') {
            Some((word, rest)) if methods::find(word.trim()).is_some() => (Some(word.trim().to_owned()), rest),
            _ => (None, text),
        };
        let (name, value) = match rest.rsplit_once('=') {
            Some((name, value)) => (Some(name.to_owned()), value),
            None => (None, rest),
        };
        let value = value.trim().parse().map_err(|_| {
            Error::refused(format!("threshold '{text}'"), format!("'{value}' is not a number"))
                .hint("write 0.1, Alunite=0.08, mf:0.2 or mf:Alunite=0.15")
        })?;
        Ok(Self { method, name, value })
    }
}

impl Threshold {
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
}
