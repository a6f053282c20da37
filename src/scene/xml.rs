//! XML metadata: text that is read whole, and elements found by their path.

use std::path::Path;

use roxmltree::{Document, Node};

use crate::error::{Error, Result};

/// Metadata of one scene is a few megabytes; more than this is something else.
const MOST_BYTES: u64 = 256 << 20;

/// The text of an XML file. Bytes that are not UTF-8 become replacement characters: names of places may have an older
/// encoding, names of fields and numbers have not.
pub(super) fn text(path: &Path) -> Result<String> {
    let failed = |e: std::io::Error| Error::io(path, "cannot read the file", &e);
    if std::fs::metadata(path).map_err(failed)?.len() > MOST_BYTES {
        return Err(Error::refused(path.display(), "is too large to be the metadata of a scene"));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// The document in a text that was read from `path`.
pub(super) fn document<'t>(path: &Path, text: &'t str) -> Result<Document<'t>> {
    Document::parse(text).map_err(|e| {
        Error::refused(path.display(), format!("not well-formed XML: {e}"))
            .hint("the file may be cut off or damaged: get the delivery again")
    })
}

/// The first element at a path of names, such as `specific/backgroundValue`, below a node. Namespaces do not matter.
pub(super) fn at<'a, 't>(node: Node<'a, 't>, path: &str) -> Option<Node<'a, 't>> {
    path.split('/').try_fold(node, |node, name| node.children().find(|c| c.is_element() && c.tag_name().name() == name))
}

/// The text of the element at a path, without white space around it; `None` where there is none or it is empty.
pub(super) fn word<'a>(node: Node<'a, '_>, path: &str) -> Option<&'a str> {
    at(node, path)?.text().map(str::trim).filter(|t| !t.is_empty())
}
