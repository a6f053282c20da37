//! Every shader validates, and every layout that host and shader share is the same on both sides. Needs no adapter.

use alunite::compute::gpu::{STATISTICS, layout, shader_text};
use alunite::methods::{ALL, SEGMENT};
use wgpu::naga;

fn parse(text: &str) -> naga::Module {
    naga::front::wgsl::parse_str(text).unwrap_or_else(|e| panic!("{}", e.emit_to_string(text)))
}

fn validate(what: &str, text: &str) {
    let capabilities = naga::valid::Capabilities::empty();
    let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities);
    let checked = validator.validate(&parse(text));
    assert!(checked.is_ok(), "{what}: {:?}", checked.err());
}

#[test]
fn every_method_has_a_shader_that_validates() {
    assert!(!ALL.is_empty());
    for method in ALL {
        validate(method.word(), &shader_text(&[*method]));
    }
    validate("all methods on one product", &shader_text(ALL));
    validate("statistics", STATISTICS);
}

#[test]
fn every_file_in_shaders_belongs_to_a_method_or_is_the_core() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut stems: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    stems.sort();
    let mut expected: Vec<String> = ALL
        .iter()
        .map(|m| m.word().to_owned())
        .chain(["project", "rank", "samples", "statistics"].map(str::to_owned))
        .collect();
    expected.sort();
    assert_eq!(stems, expected);
}

/// Names and offsets of a struct's members, and its size.
fn members(module: &naga::Module, name: &str) -> (Vec<(String, usize)>, usize) {
    let found = module.types.iter().find(|(_, t)| t.name.as_deref() == Some(name)).expect("the struct");
    let naga::TypeInner::Struct { members, span } = &found.1.inner else { panic!("{name} is not a struct") };
    let member = |m: &naga::StructMember| (m.name.clone().unwrap_or_default(), m.offset as usize);
    (members.iter().map(member).collect(), *span as usize)
}

fn owned(fields: &[(&str, usize)]) -> Vec<(String, usize)> {
    fields.iter().map(|(name, offset)| ((*name).to_owned(), *offset)).collect()
}

/// Bindings and names of a module, in order.
fn bound(module: &naga::Module) -> Vec<(u32, &str)> {
    let variables = module.global_variables.iter();
    let mut bound: Vec<(u32, &str)> = variables
        .filter_map(|(_, v)| v.binding.as_ref().map(|b| (b.binding, v.name.as_deref().unwrap_or(""))))
        .collect();
    bound.sort_unstable();
    bound
}

/// The stride of an array that the host fills or reads.
fn stride(module: &naga::Module, name: &str) -> usize {
    let (_, variable) = module.global_variables.iter().find(|(_, v)| v.name.as_deref() == Some(name)).unwrap();
    match module.types[variable.ty].inner {
        naga::TypeInner::Array { stride, .. } => stride as usize,
        _ => panic!("{name} is not an array"),
    }
}

#[test]
fn the_projection_has_the_same_layout_on_both_sides() {
    let module = parse(&shader_text(&ALL[..1]));
    let uniform = (owned(&layout::TaskUniform::FIELDS), size_of::<layout::TaskUniform>());
    assert_eq!(members(&module, "Task"), uniform);
    assert_eq!(bound(&module), (0..).zip(layout::BINDINGS).collect::<Vec<_>>());
    let [entry] = &module.entry_points[..] else { panic!("one entry point") };
    assert_eq!(entry.name, layout::ENTRY_POINT);
    assert_eq!(entry.workgroup_size, [layout::WORKGROUP as u32, 1, 1]);
    let mut overrides: Vec<_> = module.overrides.iter().filter_map(|(_, o)| o.name.as_deref()).collect();
    overrides.sort_unstable();
    assert_eq!(overrides, [layout::SAMPLE_TYPE, layout::SPACE]);
    let (_, segment) = module.constants.iter().find(|(_, c)| c.name.as_deref() == Some("SEGMENT")).unwrap();
    let segment = &module.global_expressions[segment.init];
    assert!(matches!(segment, naga::Expression::Literal(naga::Literal::U32(n)) if *n as usize == SEGMENT));
    let stride = |name: &str| stride(&module, name);
    assert_eq!(stride("samples"), 4);
    assert_eq!(stride("scaling"), size_of::<[f32; 2]>());
    assert_eq!(stride("constants"), size_of::<[f32; 2]>());
    assert_eq!(stride("weights") * 2, layout::ROW_BLOCK * 4);
    assert_eq!(stride("ranking") * 2 * alunite::methods::CANDIDATES, layout::RANKING_BYTES * layout::QUAD);
    assert_eq!(stride("keys"), layout::QUAD * 4);
    assert_eq!(stride("energies"), layout::QUAD * 4);
    assert_eq!(stride("finished"), 4);
}

#[test]
fn the_statistics_have_the_same_layout_on_both_sides() {
    let module = parse(STATISTICS);
    assert_eq!(members(&module, "Sum"), (owned(&layout::SumUniform::FIELDS), size_of::<layout::SumUniform>()));
    assert_eq!(bound(&module), (0..).zip(layout::SUM_BINDINGS).collect::<Vec<_>>());
    let [entry] = &module.entry_points[..] else { panic!("one entry point") };
    assert_eq!(entry.name, layout::SUM_ENTRY_POINT);
    // An invocation takes two by two pairs of a tile.
    let side = layout::SUM_TILE as u32 / 2;
    assert_eq!(entry.workgroup_size, [side, side, 1]);
    assert_eq!((stride(&module, "values"), stride(&module, "sums")), (4, 4));
    // How many bytes a value has and how many sums a pair is known to the shader by the code that is written out.
    assert!(STATISTICS.contains(&format!("a) * {}u * sum.quads", layout::SUM_BYTES)));
    assert!(STATISTICS.contains(&format!("array<i32, {}>", layout::SUM_WEIGHTS)));
}
