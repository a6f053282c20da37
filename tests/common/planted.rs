//! How well methods tell the planted pixels of a scene from the others, and the table that says so; shared by the bench
//! that writes `docs/planted.md` and the test that keeps it.

use alunite::compute::Backend as _;
use alunite::compute::cpu::Cpu;
use alunite::library::select::Choice;
use alunite::pipeline::{self, Limits, Pass, Processor, Request, Silent};
use alunite::spectrum::WavelengthRange;
use alunite::synthetic::planted::{self, Settings};
use alunite::tile::Window;

/// The minerals planted: one whose main absorption lies apart from all others, one whose main absorption lies where soil,
/// clay and mica have theirs, and a dark one whose main absorption calcite and dry grass share.
pub(crate) const MINERALS: [&str; 3] = ["Alunite (modelled)", "Kaolinite (modelled)", "Chlorite (modelled)"];

/// The shares of a planted pixel that the mineral fills.
pub(crate) const SHARES: [f64; 5] = [0.005, 0.01, 0.02, 0.05, 0.1];

/// The methods' words, in the order of [`areas`].
pub(crate) const METHODS: [&str; 4] = ["sam", "mf", "ace", "cem"];

/// One pixel in this many is planted: rare, so that the background stays that of the ground.
pub(crate) const EVERY: usize = 20;

/// By how much the areas of mf and ace are above that of sam, at least, where the share is below 5 %.
pub(crate) const CLEAR: f64 = 0.1;

/// Area under the ROC curve of each method's rule image of the planted mineral, over all pixels of a scene. No
/// `wavelengths`: all good bands.
///
/// The whole scene is the background, planted pixels too: nobody who looks for a mineral knows where it is.
pub(crate) fn areas(settings: &Settings, wavelengths: &[WavelengthRange]) -> [f64; METHODS.len()] {
    let folder = tempfile::tempdir().unwrap();
    let made = planted::write(folder.path(), settings).unwrap();
    let request = Request {
        scene: made.scene,
        libraries: vec![made.library],
        targets: Choice::of(vec![settings.mineral.to_owned()]),
        wavelengths: wavelengths.to_vec(),
        methods: METHODS.map(str::to_owned).to_vec(),
        rules: true,
        ..Default::default()
    };
    let planned = pipeline::plan(&request).unwrap();
    let limits = Limits { max_memory: 1 << 30, device_tile: usize::MAX, threads: 2, tile_lines: None, under_way: 1 };
    let parts = folder.path().join("parts");
    let (task, _) = pipeline::prepare(
        &planned,
        &Pass { processor: &Processor::cpu(2), limits: &limits, folder: &parts, observer: &Silent },
    )
    .unwrap();
    // The scenes are small: one tile holds all of it, and nothing need be written.
    let window = Window { x: 0, y: 0, width: settings.samples, height: settings.lines };
    let tile = planned.scene.reader(&planned.draft().bands).unwrap().read(window).unwrap();
    let scores = Cpu::new(task.clone(), 2).unwrap().map(&tile).unwrap();
    std::array::from_fn(|i| {
        assert_eq!(task.methods[i].word(), METHODS[i]);
        // The angle is smaller where a pixel is more alike; all others are larger.
        let sign = if METHODS[i] == "sam" { -1.0 } else { 1.0 };
        // There is one target, so the rules are its score alone.
        let alike: Vec<f64> = scores.maps[i].rules.iter().map(|score| sign * f64::from(*score)).collect();
        planted::roc_area(&alike, &made.planted)
    })
}

/// A share as the table has it.
pub(crate) fn label(share: f64) -> String {
    format!("{} %", share * 100.0)
}

/// A row of a table in Markdown.
pub(crate) fn row(first: &str, cells: &[String]) -> String {
    format!("| {first} | {} |", cells.join(" | "))
}

/// The heads of the columns of a mineral's table.
pub(crate) fn head() -> String {
    row("share", &METHODS.map(str::to_owned))
}
