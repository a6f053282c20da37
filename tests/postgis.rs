//! Target areas in a real PostGIS: `make test-postgis` starts one and runs these.

#[path = "common/cli.rs"]
mod cli;

use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cli::World;
use gdal::vector::sql::Dialect;
use gdal::vector::{FieldValue, LayerAccess as _};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use serde_json::Value;

/// Host, port and user of the server.
fn server() -> String {
    std::env::var("ALUNITE_POSTGIS").expect("run these by `make test-postgis`, which starts a server")
}

fn connection(database: &str) -> String {
    format!("PG:{} dbname={database}", server())
}

fn connect(database: &str) -> Dataset {
    let flags = GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_UPDATE;
    Dataset::open_ex(connection(database), DatasetOptions { open_flags: flags, ..Default::default() })
        .expect("a server")
}

/// The one value that a query gives.
fn ask(dataset: &Dataset, query: &str) -> FieldValue {
    let mut rows = dataset.execute_sql(query, None, Dialect::DEFAULT).expect(query).expect("rows");
    let row = rows.features().next().expect("a row");
    row.field(0).expect("a field").expect("a value")
}

/// The folder of a map in UTM 38, large enough for several areas.
fn mapped() -> World {
    let world = World::sized(60, 48);
    world.set("map info", Some("{UTM, 1, 1, 500000, 4400000, 30, 30, 38, North, WGS-84, units=Meters}"));
    world.map(&["--no-targets"]).assert().success();
    world
}

fn targets(world: &World, to: &str, more: &[&str]) -> Output {
    let mut command = world.alunite();
    command.args(["targets", "maps", "--clean", "none", "--diagonal", "--out", to]).args(more);
    // One pixel has 900 square metres, on the ellipsoid a little more.
    command.args(["--min-area", if more.contains(&"--overwrite") { "5000" } else { "900" }]);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
#[ignore = "needs a PostGIS: make test-postgis"]
fn areas_come_back_from_the_database_as_they_went() {
    let world = mapped();
    let first = targets(&world, &connection("survey"), &["--json", "--layer", "areas"]);
    assert!(first.status.success(), "{}", said(&first));
    let found: Value = serde_json::from_slice(&first.stdout).unwrap();
    let found = found["areas"].as_array().unwrap();
    assert!(found.len() > 2);
    let dataset = connect("survey");
    let mut layer = dataset.layer_by_name("areas").unwrap();
    assert_eq!(layer.feature_count(), found.len() as u64);
    assert_eq!(layer.spatial_ref().unwrap().auth_code().unwrap(), 32638);
    for feature in layer.features() {
        let rank = feature.field_as_integer64(feature.field_index("rank").unwrap()).unwrap().unwrap();
        let area = &found[rank as usize - 1];
        let number = |name: &str| feature.field_as_double(feature.field_index(name).unwrap()).unwrap();
        for name in ["score", "area_m2", "mean_score", "best_score"] {
            // GDAL writes fifteen digits.
            let (ours, theirs) = (area[name].as_f64().unwrap(), number(name).unwrap());
            assert!((ours / theirs - 1.0).abs() < 1e-14, "{name} of {rank}: {ours} {theirs}");
        }
        let mineral = feature.field_as_string(feature.field_index("mineral").unwrap()).unwrap();
        assert_eq!(mineral.as_deref(), area["mineral"].as_str());
        // In the plane a pixel has 900 m².
        assert!((feature.geometry().unwrap().area() - 900.0 * area["pixels"].as_f64().unwrap()).abs() < 1e-3);
    }
    // PostGIS knows the size of the outline on the ellipsoid.
    let off = ask(&dataset, "SELECT max(abs(ST_Area(ST_Transform(geom, 4326)::geography) / area_m2 - 1)) FROM areas");
    assert!(matches!(off, FieldValue::RealValue(off) if off < 1e-6), "{off:?}");
    let valid = ask(&dataset, "SELECT count(*)::int FROM areas WHERE ST_IsValid(geom) AND ST_SRID(geom) = 32638");
    assert_eq!(valid, FieldValue::IntegerValue(found.len() as i32));

    // What is there stays, unless told otherwise.
    let again = targets(&world, &connection("survey"), &["--layer", "areas"]);
    assert!(
        again.status.code() == Some(2) && said(&again).contains("table areas: is there already"),
        "{}",
        said(&again)
    );
    let replaced = targets(&world, &connection("survey"), &["--layer", "areas", "--overwrite"]);
    assert!(replaced.status.success(), "{}", said(&replaced));
    let count = ask(&connect("survey"), "SELECT count(*)::int FROM areas");
    assert!(matches!(count, FieldValue::IntegerValue(n) if (n as usize) < found.len()), "{count:?}");
}

#[test]
#[ignore = "needs a PostGIS: make test-postgis"]
fn a_database_without_the_extension_is_refused_and_nothing_is_written() {
    let refused = targets(&mapped(), &connection("bare"), &[]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("has no PostGIS extension") && said(&refused).contains("CREATE EXTENSION postgis"));
    let tables = ask(&connect("bare"), "SELECT count(*)::int FROM pg_tables WHERE schemaname = 'public'");
    assert_eq!(tables, FieldValue::IntegerValue(0));
    let absent = targets(&mapped(), &connection("absent"), &[]);
    assert!(absent.status.code() == Some(3) && said(&absent).contains("cannot connect"), "{}", said(&absent));
}

/// The server ends the connection as soon as it writes.
#[test]
#[ignore = "needs a PostGIS: make test-postgis"]
fn a_dropped_connection_leaves_no_half_written_table() {
    let world = mapped();
    let done = AtomicBool::new(false);
    let (output, dropped) = std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let dataset = connect("survey");
            let mut dropped = 0;
            while !done.load(Ordering::Relaxed) {
                let kill = "SELECT count(pg_terminate_backend(pid))::int FROM pg_stat_activity \
                            WHERE pid <> pg_backend_pid() AND query LIKE '%dropped%' AND query ~ '^(INSERT|COPY)'";
                if let FieldValue::IntegerValue(n) = ask(&dataset, kill) {
                    dropped += n;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            dropped
        });
        // Long enough to be met: many small areas, one insert each.
        let output = targets(&world, &connection("survey"), &["--layer", "dropped", "--by", "mineral"]);
        done.store(true, Ordering::Relaxed);
        (output, killer.join().unwrap())
    });
    let there = ask(&connect("survey"), "SELECT count(*)::int FROM pg_tables WHERE tablename = 'dropped'");
    assert!(dropped > 0, "the connection was never dropped: {}", said(&output));
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("nothing was written to table dropped"), "{}", said(&output));
    assert_eq!(there, FieldValue::IntegerValue(0));
}
