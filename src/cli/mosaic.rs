//! `alunite map` of several scenes, or onto a grid that the user names.

use std::path::Path;
use std::time::Instant;

use super::map::{PARTS, TOLD, make_ready, prepare_folder, summary, tell_rates};
use super::options::Machine;
use super::progress::Progress;
use super::{report, say, value};
use crate::error::Result;
use crate::map::set_cache_bytes;
use crate::pipeline::{
    self, Extent, FinishedMosaic, Layout, Mapped, Mosaic, Observer as _, Overlap, Pass, Processor, Request, Resolution,
    SceneReport, Sharing, finish_mosaic, plan_mosaic,
};

/// The grid that results are warped to, and what several scenes share.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Mosaic")]
pub(super) struct Placing {
    /// Which scene a pixel shows where several have data: the best score of the method, or the first or the last scene of
    /// the command line; best unless given.
    #[arg(long, value_enum, value_name = "RULE")]
    overlap: Option<Overlap>,

    /// Coordinate reference system of the maps: EPSG:CODE, WKT, or a file that holds WKT; the first scene's unless given.
    #[arg(long, value_name = "CRS")]
    crs: Option<String>,

    /// Sides of a pixel in units of the CRS; the first scene's unless given, where it has that CRS.
    #[arg(long, value_name = "X[,Y]", value_parser = value::<Resolution>)]
    resolution: Option<Resolution>,

    /// What the maps cover, in units of the CRS; all scenes unless given.
    #[arg(long, value_name = "XMIN,YMIN,XMAX,YMAX", allow_hyphen_values = true, value_parser = value::<Extent>)]
    extent: Option<Extent>,

    /// Statistics that targets are set against, and the background of --false-alarms: each scene's own, or those of all
    /// scenes pooled, as `alunite stats` pools them; per-scene unless given.
    #[arg(long, value_enum, value_name = "WHOSE")]
    statistics: Option<Sharing>,
}

impl Placing {
    pub(super) fn layout(&self) -> Layout {
        let Self { overlap, crs, resolution, extent, statistics } = self.clone();
        Layout { overlap, crs, resolution, extent, sharing: statistics }
    }
}

/// Plans all scenes, maps one after the other, and finishes them together; with the spectra of classes if there is to be a
/// report.
pub(super) fn map(
    requests: &[Request],
    layout: &Layout,
    machine: &Machine,
    (out, overwrite): (&Path, bool),
    spectra: bool,
) -> Result<FinishedMosaic> {
    let begun = Instant::now();
    let progress = Progress::new(machine.resources.quiet());
    let methods = requests.first().map_or(&[][..], |request| &request.methods);
    prepare_folder(out, methods, overwrite)?;
    set_cache_bytes(machine.resources.ceiling() / 2);
    let mosaic = plan_mosaic(requests, layout)?;
    mosaic.notes_of_scenes().iter().chain(&mosaic.notes).for_each(|note| progress.note(note));
    let quiet = machine.resources.quiet();
    if !quiet {
        let map = mosaic.map();
        say!("a mosaic of {} scenes on {} x {} pixels", mosaic.scenes.len(), map.lines, map.samples);
    }
    let processor = Processor::open(&machine.settings(), &progress)?;
    let parts = out.join(PARTS);
    let limits = mosaic.limits(&machine.resources.limits());
    let pass = Pass { processor: &processor, limits: &limits, folder: &parts, observer: &progress };
    let pooled = mosaic.pool(&pass)?;
    let measured = mosaic.false_alarms(pooled.as_ref(), &pass)?;
    let (mut mapped, mut found) = (Vec::new(), Vec::new());
    for (i, ((scene, name), measured)) in mosaic.scenes.iter().zip(&mosaic.names).zip(measured).enumerate() {
        progress.done();
        if !quiet {
            say!("scene {} of {}: {name}", i + 1, mosaic.scenes.len());
        }
        let folder = Mosaic::folder(&parts, i);
        let pass = Pass { folder: &folder, ..pass };
        let (plan, opened, preparing) = make_ready(scene, &pass, machine, |pass| {
            let (task, grounds) = mosaic.prepare(i, pooled.as_ref(), pass)?;
            Ok((task, grounds, measured))
        })?;
        // What a scene shows in the mosaic is known when all are mapped.
        let of_scene = pipeline::map(&scene.scene, &plan, opened, (&folder, &progress), None)?;
        let of_scene = Mapped { preparing, ..of_scene };
        let classes = report::spectra(scene, &plan, &of_scene, spectra);
        found.extend(classes.map(|classes| (Some(name.as_str()), classes)));
        mapped.push((plan, of_scene));
    }
    progress.finishing();
    let command = std::env::args().collect();
    let mut finished = finish_mosaic(&mosaic, &mapped, (out, &parts), command, begun)?;
    finished.outputs.extend(report::write_spectra(out, &found));
    if !quiet {
        tell_thresholds(&finished.report.scenes);
        summary(&finished.report.maps, &finished.outputs);
    }
    Ok(finished)
}

/// The thresholds of scenes that have their own.
fn tell_thresholds(scenes: &[SceneReport]) {
    for scene in scenes {
        for method in &scene.thresholds {
            say!("{}, {}", scene.name, method.method);
            for class in method.classes.iter().take(TOLD) {
                if let Some(rates) = &class.false_alarms {
                    tell_rates(&class.name, class.threshold, rates);
                }
            }
        }
    }
}
