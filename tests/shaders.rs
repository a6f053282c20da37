//! Every shader validates, and every layout that host and shader share is the same on both sides. Needs no adapter.

use alunite::compute::gpu::{layout, shader_text};
use alunite::methods::ALL;
use wgpu::naga;

fn parse(text: &str) -> naga::Module {
    naga::front::wgsl::parse_str(text).unwrap_or_else(|e| panic!("{}", e.emit_to_string(text)))
}

#[test]
fn every_method_has_a_shader_that_validates() {
    assert!(!ALL.is_empty());
    for method in ALL {
        let module = parse(&shader_text(method.shader()));
        let capabilities = naga::valid::Capabilities::empty();
        let checked = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities).validate(&module);
        assert!(checked.is_ok(), "{}: {:?}", method.word(), checked.err());
    }
}

#[test]
fn every_file_in_shaders_belongs_to_a_method_or_is_the_core() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut stems: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    stems.sort();
    let mut expected: Vec<String> = ALL.iter().map(|m| m.word().to_owned()).chain(["project".to_owned()]).collect();
    expected.sort();
    assert_eq!(stems, expected);
}

#[test]
fn the_uniform_is_the_same_struct_on_both_sides() {
    let module = parse(&shader_text(ALL[0].shader()));
    let found = module.types.iter().find(|(_, t)| t.name.as_deref() == Some("Task")).expect("struct Task");
    let naga::TypeInner::Struct { members, span } = &found.1.inner else { panic!("Task is not a struct") };
    let shader: Vec<(&str, usize)> =
        members.iter().map(|m| (m.name.as_deref().unwrap_or(""), m.offset as usize)).collect();
    assert_eq!(shader, layout::TaskUniform::FIELDS);
    assert_eq!(*span as usize, size_of::<layout::TaskUniform>());
}

#[test]
fn bindings_entry_point_and_constants_are_the_same_on_both_sides() {
    let module = parse(&shader_text(ALL[0].shader()));
    let mut bound: Vec<(u32, &str)> = module
        .global_variables
        .iter()
        .filter_map(|(_, v)| v.binding.as_ref().map(|b| (b.binding, v.name.as_deref().unwrap_or(""))))
        .collect();
    bound.sort_unstable();
    assert_eq!(bound, (0..).zip(layout::BINDINGS).collect::<Vec<_>>());
    let [entry] = &module.entry_points[..] else { panic!("one entry point") };
    assert_eq!(entry.name, layout::ENTRY_POINT);
    assert_eq!(entry.workgroup_size, [layout::WORKGROUP as u32, 1, 1]);
    let overrides: Vec<_> = module.overrides.iter().filter_map(|(_, o)| o.name.as_deref()).collect();
    assert_eq!(overrides, [layout::SAMPLE_TYPE]);
    // The strides of the arrays that the host fills and reads.
    let stride = |name: &str| {
        let (_, variable) = module.global_variables.iter().find(|(_, v)| v.name.as_deref() == Some(name)).unwrap();
        match module.types[variable.ty].inner {
            naga::TypeInner::Array { stride, .. } => stride as usize,
            _ => panic!("{name} is not an array"),
        }
    };
    assert_eq!(stride("samples"), 4);
    assert_eq!(stride("scaling"), size_of::<[f32; 2]>());
    assert_eq!(stride("weights") * 2, layout::TARGET_BLOCK * 4);
    assert_eq!(stride("ranking") * 2 * alunite::methods::CANDIDATES, layout::RANKING_BYTES * layout::QUAD);
    assert_eq!(stride("keys"), layout::QUAD * 4);
    assert_eq!(stride("finished"), 4);
}
