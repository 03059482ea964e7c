//! Every shader composes, validates, binds its buffers in the agreed order, and declares the workgroup memory that its
//! launcher says: neither wgpu nor software adapters check the last.

use std::collections::BTreeSet;

use distpy_gpu::block::Precision;
use distpy_gpu::gpu::{Dispatch, Kernel, Recording, import, kernels};
use wgpu::naga;

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

const PRECISIONS: [Precision; 2] = [Precision::F32, Precision::F64];

#[test]
fn every_file_is_a_kernel() {
    let folder = crate::root().join("shaders");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the folder of shaders is part of the sources")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_file())
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let kernels = kernels::all();
    let names: BTreeSet<String> = kernels.iter().map(|k| k.name.to_string()).collect();
    assert_eq!(names.len(), kernels.len(), "kernels of one name");
    assert_eq!(names, files);
}

#[test]
fn every_kernel_composes_and_validates_in_both_precisions() {
    for kernel in kernels::all() {
        for precision in PRECISIONS {
            let (module, _) = parse(kernel, kernel.source, precision);
            let storage = module
                .global_variables
                .iter()
                .filter(|(_, v)| matches!(v.space, naga::AddressSpace::Storage { .. }));
            let writable: Vec<bool> = storage.map(|(_, v)| is_writable(v)).collect();
            let inputs = writable.iter().filter(|w| !**w).count();
            check_bindings(kernel, &module, inputs, writable.len() - inputs);
        }
    }
}

#[test]
fn every_kernel_says_what_it_does() {
    for kernel in kernels::all() {
        assert!(kernel.source.starts_with("// "), "{}", kernel.name);
        let share = ["One workgroup", "one workgroup", "One thread"];
        let said = share.iter().any(|words| kernel.source.contains(words));
        assert!(said, "{}: what does a workgroup or thread do?", kernel.name);
    }
}

/// Checks every dispatch of a recording: text, constants, bindings, threads and workgroup memory.
pub fn check(recording: &Recording) {
    for dispatch in recording.dispatches() {
        let kernel = dispatch.kernel;
        let (module, info) = parse(kernel, dispatch.source(), recording.precision());
        check_bindings(
            kernel,
            &module,
            dispatch.inputs.len(),
            dispatch.outputs.len(),
        );
        check_launch(&module, &info, dispatch, recording);
    }
}

fn parse(kernel: &Kernel, source: &str, precision: Precision) -> (naga::Module, ModuleInfo) {
    let text = import::compose(source, precision);
    let module = naga::front::wgsl::parse_str(&text)
        .unwrap_or_else(|e| panic!("{}: {}", kernel.name, e.emit_to_string(&text)));
    // Halves are unpacked on every device; double precision is the one ability that kernels may ask for.
    let mut capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    if precision == Precision::F64 {
        capabilities |= Capabilities::FLOAT64;
    }
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .unwrap_or_else(|e| panic!("{}: {}", kernel.name, e.emit_to_string(&text)));
    (module, info)
}

/// The uniform at binding 0, inputs read-only, then outputs, all in group 0 and without gaps; one entry point `main`.
fn check_bindings(kernel: &Kernel, module: &naga::Module, inputs: usize, outputs: usize) {
    let name = kernel.name;
    let points: Vec<&str> = module.entry_points.iter().map(|p| &p.name[..]).collect();
    assert_eq!(points, ["main"], "{name}");
    let mut bound: Vec<(u32, &str)> = module
        .global_variables
        .iter()
        .filter_map(|(_, variable)| {
            let binding = variable.binding?;
            assert_eq!(binding.group, 0, "{name}");
            let role = match variable.space {
                naga::AddressSpace::Uniform => "params",
                _ if is_writable(variable) => "output",
                _ => "input",
            };
            Some((binding.binding, role))
        })
        .collect();
    bound.sort_unstable();
    let roles = std::iter::once("params")
        .chain(std::iter::repeat_n("input", inputs))
        .chain(std::iter::repeat_n("output", outputs));
    assert_eq!(bound, (0..).zip(roles).collect::<Vec<_>>(), "{name}");
}

fn is_writable(variable: &naga::GlobalVariable) -> bool {
    matches!(variable.space, naga::AddressSpace::Storage { access }
        if access.contains(naga::StorageAccess::STORE))
}

fn check_launch(
    module: &naga::Module,
    info: &ModuleInfo,
    dispatch: &Dispatch,
    recording: &Recording,
) {
    let name = dispatch.kernel.name;
    let constants = dispatch.constants.iter();
    let constants = constants.map(|(key, v)| (key.to_string(), *v)).collect();
    let main = Some((naga::ShaderStage::Compute, "main"));
    let (module, _) =
        naga::back::pipeline_constants::process_overrides(module, info, main, &constants)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
    let [width, height, depth] = module.entry_points[0].workgroup_size;
    assert_eq!((height, depth), (1, 1), "{name}: a workgroup is a line");
    assert!(width as usize <= recording.limits().invocations, "{name}");
    let shared: usize = module
        .global_variables
        .iter()
        .filter(|(_, v)| v.space == naga::AddressSpace::WorkGroup)
        .map(|(_, v)| module.types[v.ty].inner.size(module.to_ctx()) as usize)
        .sum();
    assert_eq!(shared, dispatch.workgroup_bytes, "{name}: workgroup memory");
    for (_, variable) in module.global_variables.iter() {
        if variable.space == naga::AddressSpace::Uniform {
            let size = module.types[variable.ty].inner.size(module.to_ctx()) as usize;
            let align = 32;
            assert_eq!(
                dispatch.params.len().next_multiple_of(align),
                size.next_multiple_of(align),
                "{name}: size of Params"
            );
        }
    }
}

/// What the worked examples of all commands record, in both precisions.
#[test]
fn every_command_records_shaders_that_validate() {
    let mut recorded = 0;
    for (name, case) in crate::commands::examples() {
        let (_, plan) = case.plan().unwrap_or_else(|e| panic!("{name}: {e}"));
        for precision in PRECISIONS {
            for recording in crate::backend::recordings(&plan, precision) {
                check(&recording);
                recorded += 1;
            }
        }
    }
    assert!(recorded > 100, "only {recorded} recordings");
}
