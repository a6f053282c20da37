//! # alunite: the architecture
//!
//! A hyperspectral scene and spectral libraries go in, a mineral map comes out. The work between is one matrix product,
//! pixels × bands by bands × targets, on the CPU or in WGSL on any vendor's GPU, that keeps only the leading targets of
//! each pixel.
//!
//! ```text
//!          Request
//!             |
//!  scene --\  v
//!           plan ---- Plan: targets, bands in use, thresholds, windows. Fixes the result; its hash names the parts.
//!  library-/  |
//!             v   only when a method asks, in one or more passes over the scene that can each be killed and continued
//!        prepare:  readers ------Tile------> device ----Moments---> tree of fixed shape --> Background --> Factor
//!             |              differences from a provisional mean       (shards merge to the same bits)
//!             v
//!            Task: targets turned into the products that pixels meet, each shared by all methods that can
//!             |
//!             v   only when asked, in one more pass
//!    false alarms: how every target scores on the background --> Tally --> Curve --> thresholds of the Plan
//!             |
//!             v            bounded channel        bounded channel
//!            map:  readers ------Tile------> backend ------Part------> writer --> parts (checked, renamed into place)
//!             |           32 pixels together, as stored  |
//!             |                                     +-- rank in f32 on the device, decide on the host, in doubt in f64
//!             |      on the CPU, of raw files: workers who each read, map and hand on: tiles stay in their core's caches
//!             |      of all others the writer adds tiles to the maps too, while the next are read, moved and mapped
//!             v
//!          finish:  parts --> of each method class map, scores, runner-up, rules (COG), QGIS styles; picture, run.json
//!                          |
//!                          +-- of a swath first through its lookup table, strip by strip: results, never the cube
//!                          +-- of several scenes onto one raster, strip by strip: a warp is such a table too
//! ```
//!
//! | room | what it is | knows |
//! |---|---|---|
//! | [`error`] | what failed, where, what to do next | |
//! | [`spectrum`], [`wavelengths`] | wavelengths that never travel without their unit; one rule for units in files | error |
//! | `files` | files that are written whole or not at all; positioned reads; hashes, also of what passes while it is read | error |
//! | `cores` | work that all cores share | |
//! | [`memory`] | what the allocator keeps, and gives back between stages; huge pages below what is large | |
//! | `simd` | loops and kernels compiled for the widest registers that the processor has; values that begin at a cache line | |
//! | [`grid`], [`tile`] | where a raster lies; the tile, the only thing that travels between stages | memory, simd |
//! | [`envi`] | the ENVI header, strictly; shared by scenes and libraries | tile, wavelengths |
//! | [`scene`] | scenes and deliveries in: recognise, open, describe, read tiles (GDAL for GeoTIFF, HDF5, netCDF, grids and CRS; blocks of GeoTIFF and chunks of netCDF past it); quality, lookup tables | envi, files, simd |
//! | [`library`] | spectra in, chosen, listed and written, and onto a scene's bands | envi |
//! | [`background`] | statistics of a scene: units, sums, tree, file; factorised covariance; tallies of scores, false alarm curves | spectrum, tile |
//! | [`methods`] | one file a method: documentation, formula, product, ending, exact score | background |
//! | [`compute`] | mapping and summing: two traits, two backends; wgpu lives only in [`compute::gpu`], rayon only in [`compute::cpu`] | background, methods, tile |
//! | [`alteration`] | minerals grouped into alteration zones by rules of a file | compute, methods |
//! | [`map`] | results out: legend, COG, style, picture, areas, tables; from one raster's pixels to another's (GDAL) | cores, files, grid, simd, tile |
//! | [`areas`] | from maps to ranked target areas, and to the tables that keep them | grid, map, methods |
//! | [`compare`] | two maps, two runs, or a map and labels: matrix of classes, kappa, distance of scores | envi, map, methods |
//! | [`pipeline`] | check, plan, prepare, map, finish, of one scene or of a mosaic; compare backends | all of the above |
//! | [`report`] | of a finished run: a page with maps, spectra, histograms and targets, and the STAC item | grid, map, tile |
//! | [`verify`] | what a run's report says against what its folder and its inputs hold | compare, map |
//! | [`synthetic`] | the demo's scene and library and the scene of planted targets, modelled from published band positions | envi, library |
//! | `fuzzing` | what holds for every input, for the fuzz targets; of each room in its `fuzzed.rs` | what it checks |
//! | [`cli`] | clap, progress, nothing of substance | pipeline, report, synthetic |
//!
//! `tests/layers.rs` reads the imports and holds this table to them.
//!
//! # Why ranking and deciding are two things
//!
//! A f32 product ranks targets fast, but errs by more than small angles are large, and differs between devices. So
//! backends only rank, within a proven error bound ([`methods::Method::key_error`]), and keep
//! [`methods::CANDIDATES`] targets a pixel; [`methods::decide`] computes, in f64 on the host, the score of every target
//! that the bound cannot exclude. With equal statistics the map has the same bits on the CPU and on any GPU, in any tiling.
//! Only the energy of a pixel in whitened space (`ace`, `rx`) is the device's own f32, as it costs as much as all else.
//!
//! Turning every pixel and meeting two targets in f64 costs more than ranking forty in f32. An angle or a correlation can
//! do without for most pixels: where the first three places lie further apart than the bound, the class is known
//! ([`methods::keys_decide`]), and the score comes from the key itself ([`methods::Method::scores_of_keys`]) unless the
//! angle is small. A score comes from its key also where the class was found in f64, and keys are sums in one fixed order
//! of fused multiply-adds, which hosts of other devices repeat for two targets: so the bits stay the same everywhere. Two
//! things make keys good to eight digits: the targets' mean is subtracted from their weights, and what that takes from
//! every product, like the pixel's length, is summed without loss.
//!
//! Of a large library most targets need not be met. A few directions hold them and the pixels but for small residuals, and
//! bound every product by Cauchy-Schwarz ([`methods::Narrow`]): on the CPU a pixel meets a dozen or two of directions, and then
//! the two or three targets whose bounds reach that far, in f32, one by one. The decision is the one of meeting all; keys are
//! then sums over one pixel's bands in lanes, on every backend. Of fewer than about fifty it saves nothing.
//!
//! Few filters, up to 40 on the CPU and two on the host of a device, are not ranked at all: 32 pixels meet them together, in
//! f64 and in the order of sums of one pixel. Their weights are for stored values, so nothing is made of a pixel first.
//!
//! An angle, a correlation and a divergence are those of a pixel times any number: where all bands of a scene have one gain and
//! no offset, they are taken of the values as these are stored, which spares a pass over every pixel and a rounding
//! ([`tile::Scaling::is_brightness`]). Whitening is a triangle, and of each dozen of its rows only the features up to the last
//! weight are met.
//!
//! # Why a tile keeps the bands of 32 pixels together
//!
//! Whoever takes a few pixels needs all their bands. In band-major order these lie tens of kilobytes apart, and memory gave
//! a third of what it gives to a reader of one stretch. A group of 32 f32 pixels is also what the CPU's kernel multiplies:
//! it reads the tile as it lies, from the beginning of a cache line, so that no register is filled from two of them, and in
//! segments of features that fit the first-level cache beside the weights of a dozen targets. While it multiplies one block
//! of pixels the next comes to the cache, a line or two for every feature: a core that computed and waited for memory by
//! turns took half as long again for ten targets. Large tiles lie on huge pages where the system gives them.
//!
//! # Why a backend begins tiles before it maps them
//!
//! On a GPU, copying a tile in, computing it, and deciding on the host take turns unless several tiles are under way. So
//! the pipeline gives a backend a head start on the tiles that come next ([`compute::Backend::begin`]) and keeps them until
//! they are mapped, in the same order: a device that fails takes no tile with it, as the CPU maps those that were under way
//! again. The ceiling on memory counts them.
//!
//! # Why statistics have units and a tree
//!
//! A sum in floating point depends on its order. [`background::Units`] cuts a scene into runs of about a thousand pixels
//! that follow from its shape alone; a device sums a unit in one fixed order, and [`background::Tree`] adds units in a tree
//! whose shape follows from their number. So tiles, threads, kills and shards do not change a bit of a covariance, and a
//! thread adds the unit that it summed to the tree while others still sum theirs. Of integers of 16 bits the CPU sums a unit
//! in integers, which have no order; of all else in f64, pixel after pixel.
//!
//! # Why false alarms are tallied
//!
//! A rate of 1e-4 is in the tail of a target's scores, which no mean and deviation tell. A [`background::Tally`] keeps the
//! best scores as they are and counts the others in fixed bins, so it takes the same memory for any scene and adds up in any
//! order, over the scenes of a mosaic too; a [`background::Curve`] is made of it once. Filters have scores without an end, angles and correlations a best one:
//! [`methods::Method::best`] says which, and the tail is modelled in what has no end.
//!
//! # Why a mosaic has no rasters between
//!
//! A nearest-neighbour warp is a table like a swath's: for each pixel of the mosaic, which pixel of a scene's map
//! ([`map::Warp`]), and from there, of a swath, which pixel of the swath. So the scenes of a mosaic are planned together,
//! prepared and mapped each by itself, as if it were alone, and leave their parts; the finish stage takes strips of the
//! mosaic from the parts of all of them. A killed run goes on in whichever scene it was, and only results are ever moved.
//! Each method chooses by itself where scenes overlap, and a raster beside its maps says which scene won. Thresholds are
//! applied there too, by the scene that won, so scenes may have their own; mean spectra of classes come from the parts of each.
//!
//! # What is looked at before the work
//!
//! Reading decides what can be checked for nothing: the search for bands without data reads a window in the middle of the
//! scene, and [`pipeline::check`] judges its values (scale, zeros, noise) at every run. The same checks over many windows are
//! `alunite check`. Errors refuse, warnings become notes of the plan. Where a scene cannot be read whole, windows of one line
//! of one block each are spread over it, so that a look costs as many blocks as it has windows.
//!
//! # Why maps are packed here, and not by GDAL
//!
//! GDAL's driver of cloud-optimised GeoTIFFs copies a file that is complete: every pixel is written, read, halved, and written
//! again before the first is compressed, and that was a third of a run over a warm scene. Here a tile is packed by any core
//! as soon as it is full, its half goes into the overview's tile, and the file is put together at the end. GDAL still writes
//! the tags (it makes a file without pixels, whose tags are taken over) and still has the last word: it opens the finished
//! file, and must find the sums of what was written.
//!
//! Where a device maps, or files are decoded, tiles go into the maps while others are mapped: cores have time then, and what is
//! left to do at the end is short. Workers who read raw files have none, and lose their tiles from the caches to whoever adds
//! to the maps meanwhile, so their parts are added when all are there, as are those of a run that was killed, of a swath that
//! goes through its lookup table, and of a mosaic.
//!
//! # From maps to places
//!
//! Zones are made while maps are written: [`alteration::Zoning`] sees what every method found at a pixel, so rules may ask for
//! minerals of several methods. Areas are made of the finished files: [`areas`] reads them twice in strips, once to connect
//! pixels and once to gather what lies in each, so it serves maps of any age and size, and a mosaic like a scene.
//! Sizes are those of the ellipsoid, whatever the projection: [`map::PixelAreas`] computes them at few places and
//! interpolates, in whole numbers, whose sums no order of strips changes.
//!
//! # Where the time goes
//!
//! Stages and devices open a [`tracing`] span for each tile and each step that takes long, never for a block or a pixel.
//! Nobody listens unless the command line was given `--trace FILE`, and then a span costs microseconds.
//!
//! # Adding a method
//!
//! One file `src/methods/<word>.rs` that implements [`methods::Method`], one shader `shaders/<word>.wgsl` with its ending,
//! one line in [`methods::ALL`]. Help, `explain`, tests and file names read that list. A method whose product another has
//! names its basis, and costs no product of its own.
//!
//! # Adding a kind of scene
//!
//! One file in `src/scene/` that fills a [`scene::Description`] and hands out [`scene::TileReader`]s.
//!
//! A kind of product also has a word in [`scene::Product`], and a test of its content beside it: a delivery is known by what
//! its metadata, or its groups and variables, hold, whatever it is called. Where its format is that of another kind (an image
//! in GeoTIFF), it only tells that kind what the metadata says. Quality layers and masks wrap the reader of the image and
//! turn flagged pixels into no data, so no later stage knows of them. Bands keep the order and the numbers of the file; the
//! plan leaves out those at which the air is closed, sorts them by wavelength and cuts detectors that overlap. A scene in
//! the geometry of the sensor also hands out a [`scene::LookupReader`]; methods and statistics never see the map, and the
//! finish stage gathers their results through the table.
//!
//! # Adding a kind of library
//!
//! One file in `src/library/` that makes a [`library::Library`], and a line in `src/library/kind.rs` that tells it by how
//! it begins.

#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod alteration;
pub mod areas;
pub mod background;
pub mod cli;
pub mod compare;
pub mod compute;
mod cores;
pub mod envi;
pub mod error;
mod files;
#[doc(hidden)]
pub mod fuzzing;
pub mod grid;
pub mod library;
pub mod map;
pub mod memory;
pub mod methods;
pub mod pipeline;
pub mod report;
pub mod scene;
mod simd;
pub mod spectrum;
pub mod synthetic;
pub mod tile;
pub mod verify;
pub mod wavelengths;
