//! What the reports of two runs say differently.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

/// Differences that a fact names.
const NAMED: usize = 3;

/// Something that both reports say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    /// What it is about.
    pub about: &'static str,
    /// Whether both say the same.
    pub same: bool,
    /// What A says; of lists, their length and what B has not.
    pub a: String,
    /// What B says.
    pub b: String,
}

/// Version, backend, inputs, bands and thresholds; `methods` are A's and B's.
pub(super) fn facts(a: &Value, b: &Value, methods: [&str; 2]) -> Vec<Fact> {
    let text = |about, of: &dyn Fn(&Value) -> String| {
        let (a, b) = (of(a), of(b));
        Fact { about, same: a == b, a, b }
    };
    let list = |about, of: &dyn Fn(&Value, &str) -> BTreeSet<String>| {
        let (a, b) = (of(a, methods[0]), of(b, methods[1]));
        Fact { about, same: a == b, a: summary(&a, &b), b: summary(&b, &a) }
    };
    vec![
        text("alunite", &|r| r["alunite"].as_str().unwrap_or("unknown").to_owned()),
        text("backend", &backend),
        list("inputs", &|r, _| inputs(r).into_iter().map(|(name, hash)| format!("{name} {hash}")).collect()),
        list("bands in use", &|r, _| {
            let of = |scene: &Value| strings(&scene["bands_in_use"], |band| number(&band["band"]));
            scenes(r).into_iter().flat_map(of).collect()
        }),
        list("thresholds", &|r, method| {
            let named = |list: &Value| list.as_array().into_iter().flatten().find(|m| m["method"] == method).cloned();
            let of = |scene: &str, list: &Value| {
                let class = |class: &Value| {
                    format!("{scene}{} {}", class["name"].as_str().unwrap_or(""), number(&class["threshold"]))
                };
                named(list).map(|map| strings(&map["classes"], class)).unwrap_or_default()
            };
            // Scenes of a mosaic may have thresholds of their own.
            let own = r["scenes"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|scene| of(&format!("{}: ", scene["name"].as_str().unwrap_or("")), &scene["thresholds"]));
            of("", &r["maps"]).into_iter().chain(own).collect()
        }),
    ]
}

/// A mosaic has these facts scene by scene.
pub fn scenes(report: &Value) -> Vec<&Value> {
    report["scenes"].as_array().map_or_else(|| vec![report], |scenes| scenes.iter().collect())
}

/// Names without folders, and hashes, of all files that went in.
fn inputs(report: &Value) -> Vec<(String, String)> {
    let input = |input: &Value| {
        let path = input["path"].as_str().unwrap_or("");
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        (name.to_owned(), input["xxh3_128"].as_str().unwrap_or("").to_owned())
    };
    scenes(report).into_iter().flat_map(|s| s["inputs"].as_array().into_iter().flatten()).map(input).collect()
}

fn backend(report: &Value) -> String {
    let mut all: Vec<&str> = scenes(report).into_iter().filter_map(|s| s["backend"].as_str()).collect();
    all.dedup();
    all.join("; ")
}

fn strings(list: &Value, of: impl Fn(&Value) -> String) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(of).collect()
}

fn number(value: &Value) -> String {
    if value.is_number() { value.to_string() } else { String::new() }
}

/// `50`, or `50, among them 3 that the other has not: 7, 8, 9`.
fn summary(these: &BTreeSet<String>, others: &BTreeSet<String>) -> String {
    let only: Vec<&str> = these.difference(others).map(String::as_str).collect();
    let all = these.len();
    match only.len() {
        0 => all.to_string(),
        n => {
            let more = if n > NAMED { " ..." } else { "" };
            format!("{all}, {n} of them not in the other: {}{more}", only[..n.min(NAMED)].join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reports_of_scenes_and_mosaics_are_read_and_differences_named() {
        let scene = |backend: &str, band: u32| {
            json!({"alunite": "1", "backend": backend, "bands_in_use": [{"band": 1}, {"band": band}],
                "inputs": [{"path": "a/x.img", "xxh3_128": "0f"}],
                "maps": [{"method": "sam", "classes": [{"name": "Opal", "threshold": 0.1}]}]})
        };
        let of = |a: &Value, b: &Value| facts(a, b, ["sam", "sam"]);
        let same = of(&scene("CPU", 2), &scene("CPU", 2));
        assert!(same.iter().all(|f| f.same && !f.a.is_empty()), "{same:?}");
        let other = of(&scene("CPU", 2), &scene("GPU", 7));
        let differ: Vec<&str> = other.iter().filter(|f| !f.same).map(|f| f.about).collect();
        assert_eq!(differ, ["backend", "bands in use"]);
        assert_eq!(other[3].b, "2, 1 of them not in the other: 7");
        let mosaic = json!({"scenes": [scene("CPU", 2), scene("GPU", 2)]});
        assert_eq!((backend(&mosaic).as_str(), inputs(&mosaic).len()), ("CPU; GPU", 2));
    }
}
