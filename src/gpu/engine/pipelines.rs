//! Compiled shaders, one for each text and set of constants.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;

use super::lock;
use crate::block::Precision;
use crate::gpu::{Dispatch, import};

/// The compiled shaders of an engine.
pub(super) struct Pipelines {
    made: Mutex<HashMap<Key, Pipeline>>,
    dump: Option<PathBuf>,
}

/// A compiled shader and how its buffers are bound. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pipeline {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    text: String,
    constants: Vec<(&'static str, u64)>,
    inputs: usize,
    outputs: usize,
}

impl Pipelines {
    /// None yet; `dump` is a folder for the texts.
    pub fn new(dump: Option<OsString>) -> Self {
        Self {
            made: Mutex::default(),
            dump: dump.map(PathBuf::from),
        }
    }

    /// The pipeline of a dispatch, compiled if it is new.
    pub fn get(
        &self,
        device: &wgpu::Device,
        dispatch: &Dispatch,
        precision: Precision,
    ) -> Pipeline {
        let constants = dispatch.constants.iter();
        let key = Key {
            text: import::compose(dispatch.source(), precision),
            constants: constants
                .map(|(name, value)| (*name, value.to_bits()))
                .collect(),
            inputs: dispatch.inputs.len(),
            outputs: dispatch.outputs.len(),
        };
        let mut made = lock(&self.made);
        if let Some(pipeline) = made.get(&key) {
            return pipeline.clone();
        }
        self.dump(dispatch.kernel.name, made.len(), &key.text);
        let pipeline = compile(device, dispatch, &key.text);
        made.insert(key, pipeline.clone());
        pipeline
    }

    fn dump(&self, name: &str, index: usize, text: &str) {
        let Some(folder) = &self.dump else { return };
        let file = folder.join(format!("{index:03}_{name}.wgsl"));
        if let Err(error) = std::fs::write(&file, text) {
            tracing::warn!("{}: shader not written: {error}", file.display());
        }
    }
}

fn compile(device: &wgpu::Device, dispatch: &Dispatch, text: &str) -> Pipeline {
    let label = Some(dispatch.kernel.name);
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label,
        source: wgpu::ShaderSource::Wgsl(text.into()),
    });
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label,
        entries: &entries(dispatch),
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        ..Default::default()
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &dispatch.constants,
            // Kernels write workgroup memory before they read it; zeroing it takes some drivers seconds.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    Pipeline { pipeline, layout }
}

fn entries(dispatch: &Dispatch) -> Vec<wgpu::BindGroupLayoutEntry> {
    let uniform = std::iter::once(wgpu::BufferBindingType::Uniform);
    let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
    uniform
        .chain(dispatch.inputs.iter().map(|_| storage(true)))
        .chain(dispatch.outputs.iter().map(|_| storage(false)))
        .zip(0..)
        .map(|(ty, binding)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        })
        .collect()
}
