//! Areas out: a layer of polygons with a table, through any of GDAL's vector drivers.
//!
//! A file is written in a folder beside its place and renamed into it. In a database, everything happens in one
//! transaction. So no half-written table is ever seen.

use std::path::{Path, PathBuf};

use gdal::vector::sql::Dialect;
use gdal::vector::{Feature, FieldValue, Geometry, LayerAccess as _, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DatasetOptions, DriverManager, DriverType, GdalOpenFlags};

use super::ffi;
use super::files::{folder_of, prefix_of, remove_leftovers};
use super::globe::xy;
use crate::error::{Error, Result};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Real,
    /// Text.
    Text,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(String),
    /// None.
    Null,
}

/// A polygon or several, as WKB, and its values in the order of the columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The polygons.
    pub polygons: Vec<Vec<u8>>,
    /// One value a column.
    pub values: Vec<Value>,
}

/// A layer of polygons.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The CRS of the polygons.
    pub crs_wkt: Option<String>,
    /// Names and kinds of the columns.
    pub columns: Vec<(String, Kind)>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// Where a table goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A file, and GDAL's name for its format.
    File(PathBuf, String),
    /// A database that GDAL connects to, such as `PG:dbname=survey`.
    Database(String),
}

impl Destination {
    /// What a user wrote: a connection (`PG:…`, `postgresql://…`) or a file, whose format is that of its extension unless a
    /// driver is named.
    ///
    /// # Errors
    /// Refuses formats that GDAL cannot write.
    pub fn parse(text: &str, driver: Option<&str>) -> Result<Self> {
        if is_database(text) {
            return Ok(Self::Database(text.to_owned()));
        }
        let path = PathBuf::from(text);
        let known = match driver {
            Some(name) => DriverManager::get_driver_by_name(name).ok(),
            None => DriverManager::get_output_driver_for_dataset_name(&path, DriverType::Vector),
        };
        let creates = |d: &gdal::Driver| {
            use gdal::Metadata as _;
            d.metadata_item("DCAP_VECTOR", "").as_deref() == Some("YES")
                && d.metadata_item("DCAP_CREATE", "").as_deref() == Some("YES")
        };
        match known.filter(creates) {
            Some(driver) => Ok(Self::File(path, driver.short_name())),
            None => {
                let what = match driver {
                    Some(name) => format!("GDAL has no driver '{name}' that writes vectors"),
                    None => "its extension is of no vector format that GDAL writes".to_owned(),
                };
                Err(Error::refused(path.display(), what).hint(
                    "use .gpkg, .geojson, .fgb or .shp, or name one with --format; `ogrinfo --formats` lists them",
                ))
            }
        }
    }

    /// As a person would write it, without a password.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::File(path, _) => path.display().to_string(),
            Self::Database(text) => text
                .split_whitespace()
                .map(|part| if part.to_lowercase().starts_with("password=") { "password=…" } else { part })
                .collect::<Vec<_>>()
                .join(" "),
        }
    }
}

fn is_database(text: &str) -> bool {
    ["pg:", "postgresql:", "postgres:", "mysql:", "mssql:", "oci:"].iter().any(|p| text.to_lowercase().starts_with(p))
}

impl Table {
    /// Writes the table, all of it or nothing.
    ///
    /// # Errors
    /// Refuses to replace what is there, unless told to; fails when the disk is full or the connection is lost.
    pub fn write(&self, to: &Destination, overwrite: bool) -> Result<()> {
        match to {
            Destination::File(path, driver) => self.write_file(path, driver, overwrite),
            Destination::Database(connection) => self.write_database(connection, &to.label(), overwrite),
        }
    }

    fn write_file(&self, path: &Path, driver: &str, overwrite: bool) -> Result<()> {
        crate::files::refuse_to_replace(path, overwrite)?;
        // A GeoPackage says when it was written; the same areas are to have the same bytes.
        gdal::config::set_thread_local_config_option("OGR_CURRENT_DATE", "1970-01-01T00:00:00.000Z")
            .map_err(|e| Error::failed(path.display(), e))?;
        let folder = folder_of(path);
        remove_leftovers(path)?;
        let work = tempfile::Builder::new()
            .prefix(&prefix_of(path)?)
            .tempdir_in(&folder)
            .map_err(|e| Error::io(path, "creating a temporary folder beside it", &e))?;
        let part = work.path().join(path.file_name().unwrap_or_default());
        let (written, log) = ffi::recorded(|| -> gdal::errors::Result<u64> {
            let mut dataset = DriverManager::get_driver_by_name(driver)?.create_vector_only(&part)?;
            self.fill(&mut dataset, if driver == "GeoJSON" { &["RFC7946=YES"] } else { &[] }, false)?;
            dataset.flush_cache()?;
            dataset.close()?;
            // What was written is read again.
            let again = Dataset::open_ex(
                &part,
                DatasetOptions { open_flags: GdalOpenFlags::GDAL_OF_VECTOR, ..Default::default() },
            )?;
            Ok(again.layer(0)?.feature_count())
        });
        let failed = |what: String| {
            let said = if log.errors.is_empty() { what } else { log.errors.join("; ") };
            Error::failed(path.display(), format!("writing {driver}: {said}"))
        };
        match written {
            Ok(count) if count == self.rows.len() as u64 => {}
            Ok(count) => return Err(failed(format!("{count} of {} areas were read back", self.rows.len()))),
            Err(e) => return Err(failed(e.to_string())),
        }
        // Some formats are several files; the one that was asked for goes last.
        let mut files: Vec<PathBuf> = std::fs::read_dir(work.path())
            .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect())
            .map_err(|e| Error::io(path, "listing", &e))?;
        files.sort_by_key(|f| *f == part);
        for file in files {
            let place = folder.join(file.file_name().unwrap_or_default());
            std::fs::rename(&file, &place).map_err(|e| Error::io(&place, "renaming into place", &e))?;
        }
        Ok(())
    }

    fn write_database(&self, connection: &str, label: &str, overwrite: bool) -> Result<()> {
        let flags =
            GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_UPDATE | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR;
        let (opened, log) =
            ffi::recorded(|| Dataset::open_ex(connection, DatasetOptions { open_flags: flags, ..Default::default() }));
        let mut dataset = opened.map_err(|e| {
            let said = if log.errors.is_empty() { e.to_string() } else { log.errors.join("; ") };
            Error::failed(label, format!("cannot connect: {said}"))
                .hint("look at host, port, database, user and password")
        })?;
        let (there, _) = ffi::recorded(|| dataset.layer_by_name(&self.name).is_ok());
        if there && !overwrite {
            return Err(Error::refused(format!("{label}, table {}", self.name), "is there already")
                .hint("pass --overwrite, or another --layer"));
        }
        if dataset.driver().short_name() == "PostgreSQL" {
            // Without PostGIS the driver would write geometries as bytes that no map shows.
            let (version, _) = ffi::recorded(|| {
                dataset.execute_sql("SELECT PostGIS_Lib_Version()", None, Dialect::DEFAULT).is_ok_and(|r| r.is_some())
            });
            if !version {
                return Err(Error::refused(label, "the database has no PostGIS extension")
                    .hint("let its owner run: CREATE EXTENSION postgis"));
            }
        }
        let (written, log) = ffi::recorded(|| -> gdal::errors::Result<()> {
            let mut transaction = dataset.start_transaction()?;
            self.fill(&mut transaction, &["GEOMETRY_NAME=geom", "LAUNDER=YES"], there)?;
            transaction.flush_cache()?;
            transaction.commit()
        });
        let said = || log.errors.join("; ");
        match written {
            Ok(()) if log.errors.is_empty() => Ok(()),
            Ok(()) => Err(Error::failed(label, said())),
            Err(e) => {
                let said = if log.errors.is_empty() { e.to_string() } else { said() };
                Err(Error::failed(label, format!("nothing was written to table {}: {said}", self.name)))
            }
        }
    }

    /// Makes the layer and its rows.
    fn fill(&self, dataset: &mut Dataset, options: &[&str], replace: bool) -> gdal::errors::Result<()> {
        let crs = self.crs_wkt.as_deref().map(xy).transpose()?;
        let options: Vec<&str> = options.iter().copied().chain(replace.then_some("OVERWRITE=YES")).collect();
        let layer = dataset.create_layer(LayerOptions {
            name: &self.name,
            srs: crs.as_ref(),
            ty: OGRwkbGeometryType::wkbMultiPolygon,
            options: Some(&options),
        })?;
        let kind = |kind: Kind| match kind {
            Kind::Integer => OGRFieldType::OFTInteger64,
            Kind::Real => OGRFieldType::OFTReal,
            Kind::Text => OGRFieldType::OFTString,
        };
        let fields: Vec<_> = self.columns.iter().map(|(name, k)| (name.as_str(), kind(*k))).collect();
        layer.create_defn_fields(&fields)?;
        for row in &self.rows {
            let mut feature = Feature::new(layer.defn())?;
            let mut shape = Geometry::empty(OGRwkbGeometryType::wkbMultiPolygon)?;
            for polygon in &row.polygons {
                shape.add_geometry(Geometry::from_wkb(polygon)?)?;
            }
            feature.set_geometry(shape)?;
            for (i, value) in row.values.iter().enumerate() {
                match value {
                    Value::Integer(v) => feature.set_field(i, &FieldValue::Integer64Value(*v))?,
                    Value::Real(v) => feature.set_field_double(i, *v)?,
                    Value::Text(v) => feature.set_field_string(i, &super::text::one_line(v))?,
                    Value::Null => feature.set_field_null(i)?,
                }
            }
            feature.create(&layer)?;
        }
        Ok(())
    }
}
