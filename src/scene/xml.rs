//! XML metadata: text that is read whole, and elements found by their path.

use std::path::Path;

use roxmltree::{Document, Node, ParsingOptions};

use crate::error::{Error, Result};

/// Metadata of one scene is a few megabytes; more than this is something else.
const MOST_BYTES: u64 = 64 << 20;
const MOST_NODES: u32 = 4_000_000;

/// The parser compares all attributes of an element with each other, and keeps for every element the namespaces of those
/// around it: more than these would take it hours, or all memory.
const MOST_ATTRIBUTES: usize = 1000;
const MOST_NAMESPACES: usize = 10_000;

/// The text of an XML file. Bytes that are not UTF-8 become replacement characters: names of places may have an older
/// encoding, names of fields and numbers have not.
pub(super) fn text(path: &Path) -> Result<String> {
    let failed = |e: std::io::Error| Error::io(path, "cannot read the file", &e);
    if std::fs::metadata(path).map_err(failed)?.len() > MOST_BYTES {
        return Err(Error::refused(path.display(), "is too large to be the metadata of a scene"));
    }
    Ok(decoded(&std::fs::read(path).map_err(failed)?))
}

pub(super) fn decoded(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()
}

/// The document in a text that was read from `path`.
pub(super) fn document<'t>(path: &Path, text: &'t str) -> Result<Document<'t>> {
    let most = attributes(text);
    if most > MOST_ATTRIBUTES || text.matches("xmlns").take(MOST_NAMESPACES + 1).count() > MOST_NAMESPACES {
        let what = format!("has elements of {most} attributes, or more than {MOST_NAMESPACES} namespaces");
        return Err(Error::refused(path.display(), what).hint("no metadata of a scene has: name another file"));
    }
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|e| {
        Error::refused(path.display(), format!("not well-formed XML: {e}"))
            .hint("the file may be cut off or damaged: get the delivery again")
    })
}

/// The most attributes of an element: a `=` before a quote, since the last `<`, which no value can hold.
fn attributes(text: &str) -> usize {
    let of = |tag: &str| tag.split('=').skip(1).filter(|rest| rest.trim_start().starts_with(['"', '\''])).count();
    text.split('<').map(of).max().unwrap_or(0)
}

/// The first element at a path of names, such as `specific/backgroundValue`, below a node. Namespaces do not matter.
pub(super) fn at<'a, 't>(node: Node<'a, 't>, path: &str) -> Option<Node<'a, 't>> {
    path.split('/').try_fold(node, |node, name| node.children().find(|c| c.is_element() && c.tag_name().name() == name))
}

/// The text of the element at a path, without white space around it; `None` where there is none or it is empty.
pub(super) fn word<'a>(node: Node<'a, '_>, path: &str) -> Option<&'a str> {
    at(node, path)?.text().map(str::trim).filter(|t| !t.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_that_would_take_hours_are_refused() {
        let refused = |text: &str| document(Path::new("x.xml"), text).unwrap_err().to_string();
        let many = |n: usize, name: &str| (0..n).map(|i| format!(" {name}{i} = '>'")).collect::<String>();
        assert!(refused(&format!("<a{}/>", many(MOST_ATTRIBUTES + 1, "b"))).contains("1001 attributes"));
        assert!(document(Path::new("x.xml"), &format!("<a{}/>", many(MOST_ATTRIBUTES, "b"))).is_ok());
        let nested: String = (0..=MOST_NAMESPACES).map(|i| format!("<a xmlns:b{i}=''>")).collect();
        assert!(refused(&nested).contains("namespaces"));
        assert_eq!(attributes("<!-- ===== --><a b=\"=\" c='' >d = 'e'</a>"), 4, "what looks like one counts");
    }
}
