//! Coordinate reference systems as users name them and as people read them.

use std::path::Path;

use gdal::spatial_ref::SpatialRef;

use super::ffi::recorded;
use super::globe::xy;
use crate::error::{Error, Result};

/// The WKT of what the user names: `EPSG:32638`, a file that holds WKT (`.prj` of ESRI's too), or WKT itself.
///
/// # Errors
/// Refuses what is none of these; `flag` names the option.
pub fn parse(flag: &str, text: &str) -> Result<String> {
    let hint = "write EPSG:32638, or name a file that holds WKT, or give the WKT itself";
    let refused = |what: String| Error::refused(flag, what).hint(hint);
    let text = text.trim();
    let upper = text.to_ascii_uppercase();
    let (crs, said) = if let Some(code) = upper.strip_prefix("EPSG:") {
        let code = code.trim().parse().map_err(|_| refused(format!("'{text}' has no number after EPSG:")))?;
        recorded(|| SpatialRef::from_epsg(code))
    } else if Path::new(text).is_file() {
        let wkt = std::fs::read_to_string(text).map_err(|e| refused(format!("the file {text} cannot be read: {e}")))?;
        let wkt = wkt.trim();
        recorded(|| SpatialRef::from_wkt(wkt).or_else(|_| SpatialRef::from_esri(wkt)))
    } else {
        recorded(|| SpatialRef::from_wkt(text))
    };
    let wkt = crs.and_then(|crs| crs.to_wkt());
    wkt.map_err(|e| {
        let short: String = text.chars().take(60).collect();
        let reason = said.errors.first().cloned().unwrap_or_else(|| e.to_string());
        refused(format!("'{short}' is no coordinate reference system: {reason}"))
    })
}

/// `WGS 84 / UTM zone 38N (EPSG:32638)`, or what the WKT tells of it.
#[must_use]
pub fn name(wkt: &str) -> String {
    let Some(crs) = read(wkt) else { return "one that cannot be read".into() };
    let (authority, _) = recorded(|| crs.authority());
    match (crs.name().filter(|name| !name.is_empty() && name != "unnamed" && name != "unknown"), authority) {
        (Some(name), Ok(code)) => format!("{name} ({code})"),
        (Some(name), Err(_)) => name,
        // An ENVI header names none.
        (None, Ok(code)) => code,
        (None, Err(_)) => {
            recorded(|| crs.to_proj4()).0.map_or("one without a name".into(), |text| text.trim().to_owned())
        }
    }
}

/// Whether two WKTs mean the same, with x before y in both.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    a == b || matches!((read(a), read(b)), (Some(a), Some(b)) if a == b)
}

fn read(wkt: &str) -> Option<SpatialRef> {
    recorded(|| xy(wkt).ok()).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_files_and_wkt_name_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("crs.prj");
        let code = parse("--crs", "epsg:32638").unwrap();
        std::fs::write(&file, format!("{code}\n")).unwrap();
        let of_file = parse("--crs", file.to_str().unwrap()).unwrap();
        assert!(same(&code, &of_file) && same(&code, &parse("--crs", &code).unwrap()));
        assert!(!same(&code, &parse("--crs", "EPSG:32639").unwrap()));
        assert_eq!(name(&code), "WGS 84 / UTM zone 38N (EPSG:32638)");
        let unnamed = SpatialRef::from_proj4("+proj=utm +zone=38 +datum=WGS84").unwrap().to_wkt().unwrap();
        assert!(name(&unnamed).starts_with("+proj=utm +zone=38"), "{}", name(&unnamed));
    }

    #[test]
    fn what_is_no_crs_is_refused_with_what_to_write() {
        for bad in ["EPSG:", "EPSG:999999", "UTM 38", "", "PROJCS[\"half"] {
            let error = parse("--crs", bad).unwrap_err();
            assert!(error.to_string().starts_with("--crs: "), "{error}");
            assert!(error.next_step().unwrap().contains("EPSG:32638"));
        }
    }
}
