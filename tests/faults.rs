//! Failures of the machine: a full disk, no adapter, a lost device, damaged parts. No map stands half-written, and the
//! same command goes on where it stopped and makes the same maps.

use std::path::{Path, PathBuf};
use std::time::Instant;

use alunite::compute::cpu::Cpu;
use alunite::compute::gpu::{AdapterKind, Gpu, adapters};
use alunite::compute::{Backend, Scores, Task};
use alunite::error::{Error, Result};
use alunite::pipeline::{self, Begun, Finished, Limits, Mapped, Opened, Pass, Plan, Planned, Processor, Silent};
use alunite::tile::Tile;
use predicates::prelude::*;

#[path = "common/cli.rs"]
mod cli;
#[path = "common/gpu.rs"]
mod gpu;

use cli::{MAPS, World};

/// Large enough that parts (128 KiB at 32 lines) and finished maps (512 KiB and more) fail at different limits.
const SIDE: usize = 256;
const TILE: [&str; 2] = ["--tile-lines", "32"];

/// Variables that hide every Vulkan driver.
const NO_DRIVER: [(&str, &str); 2] = [("VK_ICD_FILENAMES", "/nonexistent"), ("VK_DRIVER_FILES", "/nonexistent")];

/// The plain run, in files of at most `blocks` blocks (of 512 or 1024 bytes: shells differ), as on a full disk.
fn map_with_limit(world: &World, blocks: usize) -> assert_cmd::Command {
    let mut command = world.shell(&format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""));
    command.args(World::plain()).args(TILE);
    command
}

fn assert_no_map(world: &World) {
    for name in MAPS {
        assert!(!world.out().join(name).exists(), "{name} stands after a failed run");
    }
}

/// A world with undisturbed maps in the folder `right`.
fn world_with_right_maps() -> World {
    let world = World::sized(SIDE, SIDE);
    world.map(&TILE).assert().code(0);
    std::fs::rename(world.out(), world.path("right")).expect("the maps can be moved");
    world
}

#[test]
fn a_disk_that_fills_up_while_parts_are_written() {
    let world = world_with_right_maps();
    for blocks in [0, 100] {
        let stderr = predicate::str::contains("cannot write").and(predicate::str::contains("File too large"));
        map_with_limit(&world, blocks).assert().code(3).stderr(stderr);
        assert_no_map(&world);
    }
    world.map(&TILE).assert().code(0);
    world.assert_same_maps("maps", "right");
}

#[test]
fn a_disk_that_fills_up_while_the_maps_are_put_together() {
    let world = world_with_right_maps();
    // Room for parts, and none for the tiles of the scores.
    map_with_limit(&world, 500).assert().code(3).stderr(predicate::str::contains("sam_"));
    assert_no_map(&world);
    world.map(&TILE).assert().code(0).stderr(predicate::str::contains("going on with an earlier run: 100 %"));
    world.assert_same_maps("maps", "right");
}

/// Whatever the limit cuts off, a run ends with all maps or with none, and with the code that says which.
#[test]
fn a_disk_that_fills_up_anywhere() {
    let world = world_with_right_maps();
    for blocks in [1, 20, 260, 520, 700, 1100] {
        let output = map_with_limit(&world, blocks).output().unwrap();
        match output.status.code() {
            Some(0) => {
                world.assert_same_maps("maps", "right");
                std::fs::remove_dir_all(world.out()).unwrap();
            }
            Some(3) => assert_no_map(&world),
            code => panic!("{blocks} blocks: {code:?}\n{}", String::from_utf8_lossy(&output.stderr)),
        }
    }
    map_with_limit(&world, 10_000).assert().code(0);
    world.assert_same_maps("maps", "right");
}

/// Maps that are there already stay as they are when a run that was to replace them fails.
#[test]
fn a_full_disk_does_not_take_the_old_maps() {
    let world = world_with_right_maps();
    world.map(&TILE).assert().code(0);
    for blocks in [100, 400] {
        map_with_limit(&world, blocks).arg("--overwrite").assert().code(3);
        world.assert_same_maps("maps", "right");
    }
}

#[test]
fn a_gpu_that_is_asked_for_and_not_there() {
    let world = World::new();
    let args = ["map", "scene.img", "--library", "library.csv", "--out", "maps", "--backend", "gpu"];
    let stderr = predicate::str::contains("--backend gpu: this machine has no Vulkan, Metal or DX12 adapter")
        .and(predicate::str::contains("--backend cpu"));
    world.alunite().envs(NO_DRIVER).args(args).assert().code(3).stderr(stderr);
    assert_no_map(&world);
}

#[test]
fn without_a_gpu_auto_takes_the_cpu() {
    let world = World::new();
    let args = ["map", "scene.img", "--library", "library.csv", "--out", "maps", "--backend", "auto"];
    let stderr = predicate::str::contains("backend: CPU");
    world.alunite().envs(NO_DRIVER).args(args).assert().code(0).stderr(stderr);
    world.alunite().envs(NO_DRIVER).arg("devices").assert().code(0).stdout(predicate::str::contains("* CPU"));
}

#[test]
fn a_software_adapter_is_named_and_not_taken_for_a_gpu() {
    let Some(_) = gpu::device() else { return };
    let all = adapters();
    if all.iter().any(|a| a.kind == AdapterKind::Hardware) {
        eprintln!("test left out: this machine has a hardware adapter");
        return;
    }
    let world = World::new();
    let args = ["map", "scene.img", "--library", "library.csv", "--out", "maps", "--backend"];
    let stderr = predicate::str::contains("there is no hardware adapter, only")
        .and(predicate::str::contains(all[0].name.as_str()))
        .and(predicate::str::contains("--adapter"));
    world.alunite().args(args).arg("gpu").assert().code(3).stderr(stderr);
    assert_no_map(&world);
    world.alunite().args(args).arg("auto").assert().code(0).stderr(predicate::str::contains("backend: CPU"));
}

#[test]
fn gpu_and_cpu_make_the_same_files() {
    let Some(device) = gpu::device() else { return };
    let name = device.facts().name.clone();
    let world = world_with_right_maps();
    let args =
        ["map", "scene.img", "--library", "library.csv", "--out", "maps", "--backend", "gpu", "--adapter", &name];
    world.alunite().args(args).args(TILE).assert().code(0).stderr(predicate::str::contains(name.as_str()));
    world.assert_same_maps("maps", "right");
}

/// The CPU under another name, with tiles under way, that fails to map its `fails_at`-th tile, counted from 1, or to begin
/// its `fails_to_begin`-th.
struct Failing {
    cpu: Cpu,
    tiles: usize,
    begun: usize,
    fails_at: usize,
    fails_to_begin: usize,
}

impl Failing {
    fn opened(task: &Task, fails_at: usize, may_fall_back: bool) -> Opened {
        let cpu = Cpu::new(task.clone(), 1).expect("the CPU is there");
        let failing = Self { cpu, tiles: 0, begun: 0, fails_at, fails_to_begin: usize::MAX };
        Opened::new(Box::new(failing), may_fall_back)
    }
}

fn lost() -> Error {
    Error::failed("a device that fails", "the device was lost")
}

impl Backend for Failing {
    fn label(&self) -> String {
        "a device that fails".into()
    }

    fn task(&self) -> &Task {
        self.cpu.task()
    }

    fn depth(&self) -> usize {
        3
    }

    fn begin_group(&mut self, _: &Tile, _: usize) -> Result<()> {
        self.begun += 1;
        if self.begun == self.fails_to_begin { Err(lost()) } else { Ok(()) }
    }

    fn map_group(&mut self, tile: &Tile, group: usize) -> Result<Scores> {
        self.tiles += 1;
        assert!((self.tiles..self.tiles + 3).contains(&self.begun), "begun before it is mapped, and not too many");
        if self.tiles == self.fails_at { Err(lost()) } else { self.cpu.map_group(tile, group) }
    }

    fn keys(&mut self, tile: &Tile, method: usize) -> Result<Vec<f32>> {
        self.cpu.keys(tile, method)
    }
}

/// A run of four tiles by the library's own functions.
struct Run {
    world: World,
    planned: Planned,
    task: Task,
    plan: Plan,
}

impl Run {
    fn new() -> Self {
        let world = World::new();
        let planned = world.planned();
        let limits =
            Limits { max_memory: 1 << 30, device_tile: usize::MAX, threads: 1, tile_lines: Some(2), under_way: 1 };
        let parts = world.path("parts");
        let (task, _) = pipeline::prepare(
            &planned,
            &Pass { processor: &Processor::cpu(1), limits: &limits, folder: &parts, observer: &Silent },
        )
        .expect("a task");
        let plan = planned.cut(&task, None, &limits).expect("the scene fits");
        assert_eq!(plan.windows.len(), 4);
        Self { world, planned, task, plan }
    }

    fn parts(&self, folder: &str) -> PathBuf {
        self.world.path(folder).join("parts")
    }

    fn map(&self, folder: &str, opened: Opened) -> Result<Mapped> {
        pipeline::map(&self.planned.scene, &self.plan, opened, (&self.parts(folder), &Silent), None)
    }

    fn map_undisturbed(&self, folder: &str) -> Mapped {
        self.map(folder, Failing::opened(&self.task, usize::MAX, false)).expect("a map stage without trouble")
    }

    fn begin(&self, folder: &str) -> Begun<'_> {
        let (scene, out) = (&self.planned.scene, self.world.path(folder));
        pipeline::begin(scene, &self.plan, &out, &self.parts(folder)).expect("room for maps")
    }

    fn finish(&self, folder: &str, mapped: &Mapped) -> Finished {
        pipeline::finish(self.begin(folder), mapped, vec![], Instant::now()).expect("maps")
    }

    /// The parts by their names, without their folder.
    fn contents(&self, folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let name = |path: &Path| path.strip_prefix(self.parts(folder)).expect("only parts").to_owned();
        self.world.files(folder).iter().map(|p| (name(p), std::fs::read(p).expect("it can be read"))).collect()
    }
}

#[test]
fn a_device_lost_in_the_middle_hands_over_to_the_cpu() {
    let run = Run::new();
    let right = run.map_undisturbed("right");
    let mapped = run.map("maps", Failing::opened(&run.task, 2, true)).unwrap();
    assert_eq!(run.contents("maps"), run.contents("right"), "all tiles are mapped, to the same bytes");
    assert_eq!(mapped.resumed, 0);
    assert!(mapped.backend.starts_with("CPU"), "{}", mapped.backend);
    let told = |notes: &[String]| notes.iter().filter(|n| n.contains("the device was lost")).count();
    assert_eq!(told(&mapped.notes), 1, "{:?}", mapped.notes);
    assert_eq!(told(&run.finish("maps", &mapped).report.notes), 1, "run.json tells it");
    run.finish("right", &right);
    run.world.assert_same_maps("maps", "right");
}

#[test]
fn a_device_that_fails_to_begin_a_tile_hands_over_to_the_cpu() {
    let run = Run::new();
    run.map_undisturbed("right");
    for fails_to_begin in 1..=4 {
        let cpu = Cpu::new(run.task.clone(), 1).unwrap();
        let failing = Failing { cpu, tiles: 0, begun: 0, fails_at: usize::MAX, fails_to_begin };
        let folder = format!("maps-{fails_to_begin}");
        let mapped = run.map(&folder, Opened::new(Box::new(failing), true)).unwrap();
        assert_eq!(run.contents(&folder), run.contents("right"));
        assert!(mapped.backend.starts_with("CPU") && mapped.notes.len() == 1, "{mapped:?}");
    }
}

/// A GPU whose driver resets when its `lost_at`-th tile is waited for, with others under way.
struct Reset {
    gpu: Gpu,
    tiles: usize,
    lost_at: usize,
}

impl Backend for Reset {
    fn label(&self) -> String {
        self.gpu.label()
    }

    fn task(&self) -> &Task {
        self.gpu.task()
    }

    fn depth(&self) -> usize {
        self.gpu.depth()
    }

    fn begin_group(&mut self, tile: &Tile, group: usize) -> Result<()> {
        self.gpu.begin_group(tile, group)
    }

    fn map_group(&mut self, tile: &Tile, group: usize) -> Result<Scores> {
        self.tiles += 1;
        if self.tiles == self.lost_at {
            self.gpu.lose_device();
        }
        self.gpu.map_group(tile, group)
    }

    fn keys(&mut self, tile: &Tile, method: usize) -> Result<Vec<f32>> {
        self.gpu.keys(tile, method)
    }
}

#[test]
fn a_gpu_that_is_reset_with_tiles_under_way_loses_none() {
    let run = Run::new();
    run.map_undisturbed("right");
    for lost_at in 1..=4 {
        let Some(device) = gpu::device() else { return };
        let gpu = Gpu::new(device, run.task.clone(), 1).unwrap();
        let folder = format!("maps-{lost_at}");
        let mapped = run.map(&folder, Opened::new(Box::new(Reset { gpu, tiles: 0, lost_at }), true)).unwrap();
        assert_eq!(run.contents(&folder), run.contents("right"), "lost at tile {lost_at}");
        assert!(mapped.backend.starts_with("CPU") && mapped.notes.len() == 1, "{mapped:?}");
    }
}

#[test]
fn a_device_lost_where_nothing_may_take_over_stops_the_run_and_keeps_its_parts() {
    let run = Run::new();
    let error = run.map("maps", Failing::opened(&run.task, 3, false)).unwrap_err();
    assert!(error.to_string().contains("the device was lost"), "{error}");
    let mapped = run.map_undisturbed("maps");
    assert_eq!(mapped.resumed, 2);
    run.map_undisturbed("right");
    assert_eq!(run.contents("maps"), run.contents("right"));
}

#[test]
fn damaged_parts_are_made_anew() {
    let run = Run::new();
    let right = run.map_undisturbed("right");
    run.map("maps", Failing::opened(&run.task, 4, false)).unwrap_err();
    let whole = run.contents("maps");
    assert_eq!(whole.len(), 4, "three parts and the plan: {whole:?}");
    // One byte of the first part, the end of the second.
    let [first, second] = [0, 1].map(|i| run.parts("maps").join(format!("part-{i:06}")));
    let mut bytes = std::fs::read(&first).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&first, bytes).unwrap();
    let bytes = std::fs::read(&second).unwrap();
    std::fs::write(&second, &bytes[..bytes.len() - 3]).unwrap();
    let mapped = run.map_undisturbed("maps");
    assert_eq!(mapped.resumed, 1, "only the third part is whole");
    assert_eq!(run.contents("maps"), run.contents("right"));
    run.finish("maps", &mapped);
    run.finish("right", &right);
    run.world.assert_same_maps("maps", "right");
}

/// However many tiles went into the maps before, they are the same, and none is added twice.
#[test]
fn tiles_added_while_others_are_mapped_make_the_same_maps() {
    let run = Run::new();
    run.finish("right", &run.map_undisturbed("right"));
    // The third tile fails; of the next run, two are there and two are added while it maps.
    run.map("maps", Failing::opened(&run.task, 3, false)).unwrap_err();
    let (parts, mut begun) = (run.parts("maps"), run.begin("maps"));
    let opened = Failing::opened(&run.task, usize::MAX, false);
    let mapped =
        pipeline::map(&run.planned.scene, &run.plan, opened, (&parts, &Silent), Some(&mut begun)).expect("all tiles");
    assert_eq!(mapped.resumed, 2);
    // Those that were added are not looked for again.
    std::fs::remove_file(parts.join("part-000003")).unwrap();
    pipeline::finish(begun, &mapped, vec![], Instant::now()).expect("maps");
    run.world.assert_same_maps("maps", "right");
}

/// A part that breaks between mapping and finishing is found, and no map is made of it.
#[test]
fn a_part_damaged_before_the_finish_is_found() {
    let run = Run::new();
    let mapped = run.map_undisturbed("maps");
    let part = run.parts("maps").join("part-000002");
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    let error = pipeline::finish(run.begin("maps"), &mapped, vec![], Instant::now()).unwrap_err();
    assert!(error.to_string().contains("part 2 is missing or damaged"), "{error}");
    assert_no_map(&run.world);
    let mapped = run.map_undisturbed("maps");
    assert_eq!(mapped.resumed, 3);
    run.finish("maps", &mapped);
}

/// Parts of a scene that has changed since belong to another plan.
#[test]
fn parts_of_a_scene_that_has_changed_are_not_used() {
    let world = World::sized(SIDE, SIDE);
    map_with_limit(&world, 400).assert().code(3);
    let scene = std::fs::read(world.path("scene.img")).unwrap();
    world.write("scene.img", scene);
    world.map(&TILE).assert().code(0).stderr(predicate::str::contains("going on").not());
}
