//! Vector layers read back: attributes, and the rectangle around each feature.

use std::path::Path;

use gdal::spatial_ref::CoordTransform;
use gdal::vector::{FieldValue, LayerAccess as _};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};

use super::ffi;
use super::globe::xy;
use crate::error::{Error, Result};

/// A feature of a layer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Feature {
    /// Names and values of its fields that are set, numbers and text.
    pub fields: Vec<(String, Attribute)>,
    /// Least x, least y, most x, most y in the coordinates asked for.
    pub bounds: Option<[f64; 4]>,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// Of any type of number.
    Number(f64),
    /// Text.
    Text(String),
}

impl Feature {
    /// The number of a field.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        self.fields.iter().find(|(n, _)| n == name).and_then(|(_, v)| match v {
            Attribute::Number(number) => Some(*number),
            Attribute::Text(_) => None,
        })
    }

    /// The text of a field.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).and_then(|(_, v)| match v {
            Attribute::Text(text) => Some(text.as_str()),
            Attribute::Number(_) => None,
        })
    }
}

/// The features of a layer of a GeoPackage, with their rectangles in the system `crs_wkt`.
///
/// # Errors
/// Refuses what is no GeoPackage with such a layer, and coordinates that cannot be led to the system.
pub fn read(path: &Path, layer: &str, crs_wkt: Option<&str>) -> Result<Vec<Feature>> {
    let (found, log) = ffi::recorded(|| -> gdal::errors::Result<Vec<Feature>> {
        let flags = GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR;
        let options = DatasetOptions { open_flags: flags, allowed_drivers: Some(&["GPKG"]), ..Default::default() };
        let dataset = Dataset::open_ex(path, options)?;
        let mut layer = dataset.layer_by_name(layer)?;
        let lead = match (layer.spatial_ref(), crs_wkt) {
            (Some(from), Some(wkt)) => {
                let (from, to) = (xy(&from.to_wkt()?)?, xy(wkt)?);
                (from != to).then(|| CoordTransform::new(&from, &to)).transpose()?
            }
            _ => None,
        };
        let mut features = Vec::new();
        for feature in layer.features() {
            let attribute = |value| match value {
                FieldValue::IntegerValue(v) => Some(Attribute::Number(v.into())),
                FieldValue::Integer64Value(v) => Some(Attribute::Number(v as f64)),
                FieldValue::RealValue(v) => Some(Attribute::Number(v)),
                FieldValue::StringValue(v) => Some(Attribute::Text(v)),
                _ => None,
            };
            let fields = feature.fields().filter_map(|(name, value)| Some((name, attribute(value?)?))).collect();
            let bounds = match feature.geometry().filter(|g| !g.is_empty()).map(|g| g.envelope()) {
                None => None,
                Some(e) => {
                    let bounds = [e.MinX, e.MinY, e.MaxX, e.MaxY];
                    Some(match &lead {
                        Some(lead) => lead.transform_bounds(&bounds, 9)?,
                        None => bounds,
                    })
                }
            };
            features.push(Feature { fields, bounds });
        }
        Ok(features)
    });
    found.map_err(|e| Error::refused(path.display(), log.errors.first().cloned().unwrap_or_else(|| e.to_string())))
}

#[cfg(test)]
mod tests {
    use gdal::DriverManager;
    use gdal::spatial_ref::SpatialRef;
    use gdal::vector::{Geometry, LayerOptions, OGRFieldType};

    use super::*;

    #[test]
    fn fields_and_rectangles_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("targets.gpkg");
        let utm = SpatialRef::from_epsg(32638).unwrap();
        {
            let mut dataset = DriverManager::get_driver_by_name("GPKG").unwrap().create_vector_only(&path).unwrap();
            let options = LayerOptions { name: "targets", srs: Some(&utm), ..Default::default() };
            let layer = dataset.create_layer(options).unwrap();
            let fields = [("rank", OGRFieldType::OFTInteger), ("zone", OGRFieldType::OFTString)];
            layer.create_defn_fields(&fields).unwrap();
            let mut feature = gdal::vector::Feature::new(layer.defn()).unwrap();
            feature
                .set_geometry(Geometry::from_wkt("POLYGON((5e5 0,500090 0,500090 60,5e5 60,5e5 0))").unwrap())
                .unwrap();
            feature.set_field_integer(0, 3).unwrap();
            feature.set_field_string(1, "<b>").unwrap();
            feature.create(&layer).unwrap();
        }
        let wkt = utm.to_wkt().unwrap();
        let found = read(&path, "targets", Some(&wkt)).unwrap();
        assert_eq!(
            (found[0].number("rank"), found[0].text("zone"), found[0].number("zone")),
            (Some(3.0), Some("<b>"), None)
        );
        assert_eq!(found[0].bounds, Some([5e5, 0.0, 500_090.0, 60.0]));
        let degrees = SpatialRef::from_epsg(4326).unwrap().to_wkt().unwrap();
        let [west, ..] = read(&path, "targets", Some(&degrees)).unwrap()[0].bounds.unwrap();
        assert!((west - 45.0).abs() < 1e-6, "{west}");
        assert!(read(&path, "absent", None).is_err() && read(folder.path(), "targets", None).is_err());
    }
}
