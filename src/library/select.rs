//! Which spectra of several libraries are meant, by names, patterns and groups.

use std::collections::HashMap;

use glob::{MatchOptions, Pattern};

use super::{Library, Spectrum, unique_names};
use crate::error::{Error, Result};

/// A spectrum of one of the libraries.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its library.
    pub library: &'a Library,
    /// The spectrum.
    pub spectrum: &'a Spectrum,
}

/// What the user asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// Whole names, the words that they begin with, or patterns with `*` and `?`; `None` for all spectra.
    pub names: Option<Vec<String>>,
    /// Names of groups or patterns; empty for all groups.
    pub groups: Vec<String>,
}

impl Choice {
    /// The spectra of some names, of any group.
    #[must_use]
    pub fn of(names: Vec<String>) -> Self {
        Self { names: Some(names), groups: Vec::new() }
    }
}

/// The spectra asked for under names that are unique over all libraries, in the order asked; within one name in the
/// order of the libraries.
///
/// A name that two libraries have gets the file's stem in square brackets: `Alunite [usgs]`.
///
/// # Errors
/// When a name or a group means nothing (with those that are near), or nothing is left.
pub fn select<'a>(libraries: &'a [Library], choice: &Choice) -> Result<Vec<(String, Target<'a>)>> {
    let all = in_groups(named(libraries), &choice.groups)?;
    let chosen = match &choice.names {
        None => all,
        Some(asked) => {
            let names: Vec<&str> = all.iter().map(|(n, _)| n.as_str()).collect();
            let mut chosen: Vec<usize> = Vec::new();
            for asked in asked {
                let found = find("--targets", asked, &names)?;
                chosen.extend(found.into_iter().filter(|i| !chosen.contains(i)).collect::<Vec<_>>());
            }
            chosen.into_iter().map(|i| all[i].clone()).collect()
        }
    };
    if chosen.is_empty() {
        return Err(Error::refused("targets", "none was asked for")
            .hint("name spectra of the library, or leave --targets out to take all"));
    }
    Ok(chosen)
}

/// All spectra under unique names.
fn named(libraries: &[Library]) -> Vec<(String, Target<'_>)> {
    let mut count: HashMap<&str, usize> = HashMap::new();
    for spectrum in libraries.iter().flat_map(|l| &l.spectra) {
        *count.entry(&spectrum.name).or_default() += 1;
    }
    let one = |library: &Library, spectrum: &Spectrum| match count[spectrum.name.as_str()] {
        1 => spectrum.name.clone(),
        _ => format!("{} [{}]", spectrum.name, library.stem()),
    };
    let targets = || libraries.iter().flat_map(|l| l.spectra.iter().map(move |s| Target { library: l, spectrum: s }));
    // Two libraries of one folder, or of one stem, may share a name still.
    let (names, _) = unique_names(targets().map(|t| one(t.library, t.spectrum)).collect());
    names.into_iter().zip(targets()).collect()
}

fn in_groups<'a>(all: Vec<(String, Target<'a>)>, asked: &[String]) -> Result<Vec<(String, Target<'a>)>> {
    if asked.is_empty() {
        return Ok(all);
    }
    let mut groups: Vec<&str> = all.iter().map(|(_, t)| t.spectrum.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut wanted: Vec<&str> = Vec::new();
    for asked in asked {
        wanted.extend(find("--groups", asked, &groups)?.into_iter().map(|i| groups[i]));
    }
    Ok(all.into_iter().filter(|(_, t)| wanted.contains(&t.spectrum.group.as_str())).collect())
}

/// The indices of `names` that `asked` means, in any case: exactly that name if there is one, else all that begin with
/// its words, else all that match it as a pattern (`*` any characters, `?` one, `[ab]` one of these).
///
/// # Errors
/// When it means none, with the nearest names; when the pattern is none.
pub fn find(flag: &str, asked: &str, names: &[&str]) -> Result<Vec<usize>> {
    let asked = asked.trim();
    let all = |fits: &dyn Fn(&str) -> bool| (0..names.len()).filter(|&i| fits(names[i])).collect::<Vec<usize>>();
    let mut found = all(&|name| name.eq_ignore_ascii_case(asked));
    if found.is_empty() {
        found = all(&|name| begins(asked, name));
    }
    if found.is_empty() && asked.contains(['*', '?']) {
        let pattern = Pattern::new(asked).map_err(|e| {
            Error::refused(flag, format!("'{asked}' is no pattern: {}", e.msg))
                .hint("* stands for any characters, ? for one, [ab] for one of these")
        })?;
        let options = MatchOptions { case_sensitive: false, ..MatchOptions::new() };
        found = all(&|name| pattern.matches_with(name, options));
    }
    if found.is_empty() { Err(unknown(flag, asked, names)) } else { Ok(found) }
}

/// Whether `name` begins with the words `asked`, in any case.
fn begins(asked: &str, name: &str) -> bool {
    let (asked, name) = (asked.to_lowercase(), name.to_lowercase());
    name.strip_prefix(&asked).is_some_and(|rest| !asked.is_empty() && (rest.is_empty() || rest.starts_with(' ')))
}

fn unknown(flag: &str, asked: &str, names: &[&str]) -> Error {
    let mut near: Vec<(f64, &str)> =
        names.iter().map(|n| (strsim::jaro_winkler(&asked.to_lowercase(), &n.to_lowercase()), *n)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<&str> = near.iter().take(3).map(|(_, n)| *n).collect();
    let what = if flag == "--groups" { "no group of spectra" } else { "no spectrum" };
    Error::refused(flag, format!("{what} is called '{asked}'"))
        .hint(format!("the nearest names are: {}", near.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::Axis;

    fn library(stem: &str, group: &str, names: &[&str]) -> Library {
        let spectrum = |name: &&str| Spectrum {
            name: (*name).into(),
            group: group.into(),
            file: format!("{stem}.csv").into(),
            values: vec![0.1],
        };
        Library {
            path: format!("{stem}.csv").into(),
            companions: vec![],
            format: "CSV",
            axis: Ok(Axis::Channels(1)),
            fwhm_source: None,
            spectra: names.iter().map(spectrum).collect(),
            notes: vec![],
        }
    }

    fn libraries() -> [Library; 3] {
        [
            library("a", "sulfates", &["Alunite GDS84", "Alunite", "Alunitex", "Kaolinite KGa-1 (wxl)"]),
            library("b", "silica", &["Opal", "Alunite"]),
            library("b", "silica", &["Alunite", "Chalcedony [b]"]),
        ]
    }

    fn names(asked: Option<&[&str]>, groups: &[&str]) -> Result<Vec<String>> {
        let list = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let choice = Choice { names: asked.map(list), groups: list(groups) };
        Ok(select(&libraries(), &choice)?.into_iter().map(|(n, _)| n).collect())
    }

    #[test]
    fn a_name_means_itself_or_what_begins_with_its_words() {
        let names = |asked: &[&str]| names(Some(asked), &[]);
        assert_eq!(names(&["kaolinite kga-1"]).unwrap(), ["Kaolinite KGa-1 (wxl)"]);
        let alunites = ["Alunite GDS84", "Alunite [a]", "Alunite [b]", "Alunite [b] #2"];
        assert_eq!(names(&["opal", "alunite"]).unwrap(), [&["Opal"], &alunites[..]].concat());
        assert_eq!(names(&["Alunite [b]"]).unwrap(), ["Alunite [b]"]);
        let error = names(&["Kaolinte"]).unwrap_err();
        assert!(error.next_step().unwrap().contains("Kaolinite KGa-1 (wxl)"), "{error:?}");
        assert!(names(&[]).is_err() && names(&[""]).is_err());
        assert_eq!(super::tests::names(None, &[]).unwrap().len(), 8);
    }

    #[test]
    fn patterns_match_in_any_case_and_brackets_in_names_stay_names() {
        let names = |asked: &[&str]| names(Some(asked), &[]);
        assert_eq!(names(&["*ite*84", "*OPAL*"]).unwrap(), ["Alunite GDS84", "Opal"]);
        assert_eq!(names(&["Alunite?"]).unwrap(), ["Alunitex"]);
        assert_eq!(names(&["Chalcedony [b]"]).unwrap(), ["Chalcedony [b]"]);
        assert_eq!(names(&["*[[]b]"]).unwrap().len(), 2);
        let error = names(&["Topaz*"]).unwrap_err();
        assert!(error.to_string().contains("no spectrum is called 'Topaz*'"), "{error}");
        assert!(names(&["Alu*[nite"]).unwrap_err().to_string().contains("is no pattern"));
        assert!(names(&["a***b"]).unwrap_err().to_string().contains("is no pattern"));
    }

    #[test]
    fn groups_narrow_what_names_are_looked_for_in() {
        assert_eq!(names(None, &["SULFATES"]).unwrap().len(), 4);
        assert_eq!(names(None, &["s*"]).unwrap().len(), 8);
        assert_eq!(names(Some(&["Alunite GDS84"]), &["sulf*"]).unwrap(), ["Alunite GDS84"]);
        let error = names(None, &["sulfate"]).unwrap_err();
        assert!(error.to_string().contains("no group of spectra is called 'sulfate'"), "{error}");
        assert!(error.next_step().unwrap().contains("sulfates"));
        assert!(names(Some(&["Opal"]), &["sulfates"]).unwrap_err().to_string().contains("no spectrum"));
    }
}
