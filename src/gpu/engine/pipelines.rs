//! Compiled shaders, one for each text and set of constants; kept for the next run where the driver allows it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;

use super::lock;
use crate::block::Precision;
use crate::gpu::{Dispatch, import};

/// Pipelines that are kept: constants such as lengths make others of the same shader, as chunks of other lengths come.
const MOST: usize = 128;

/// The compiled shaders of an engine.
pub(super) struct Pipelines {
    made: Mutex<HashMap<Key, Pipeline>>,
    dump: Option<PathBuf>,
    kept: Option<Kept>,
}

/// What the driver keeps of its work, and the file where it lies.
struct Kept {
    cache: wgpu::PipelineCache,
    file: PathBuf,
    /// What the file held.
    data: Vec<u8>,
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
    pub fn new(device: &wgpu::Device, adapter: &wgpu::Adapter, dump: Option<OsString>) -> Self {
        Self {
            made: Mutex::default(),
            dump: dump.map(PathBuf::from),
            kept: Kept::open(device, adapter),
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
        let cache = self.kept.as_ref().map(|kept| &kept.cache);
        let pipeline = compile(device, dispatch, &key.text, cache);
        // Programs keep those that they use.
        if made.len() >= MOST {
            made.clear();
        }
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

impl Kept {
    /// From the folder that `DISTPY_GPU_CACHE` names; nothing without one, or where the device keeps nothing.
    fn open(device: &wgpu::Device, adapter: &wgpu::Adapter) -> Option<Self> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let file = folder()?.join(wgpu::util::pipeline_cache_key(&adapter.get_info())?);
        let data = std::fs::read(&file).unwrap_or_default();
        let descriptor = wgpu::PipelineCacheDescriptor {
            label: None,
            data: (!data.is_empty()).then_some(&data),
            fallback: true,
        };
        #[expect(
            unsafe_code,
            reason = "the driver trusts what it is given, so nothing is kept unless the user names a folder"
        )]
        // SAFETY: what is read was written by `write` below, into a file that is complete when it has its name, in a folder
        // that the user named for it; wgpu checks that it is of this kind of device, driver and version.
        let cache = unsafe { device.create_pipeline_cache(&descriptor) };
        Some(Self { cache, file, data })
    }

    fn write(&self) -> std::io::Result<()> {
        let Some(data) = self.cache.get_data().filter(|data| *data != self.data) else {
            return Ok(());
        };
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let temporary = self
            .file
            .with_extension(format!("{}.tmp", std::process::id()));
        std::fs::write(&temporary, data)?;
        std::fs::rename(&temporary, &self.file)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Err(error) = self.write() {
            tracing::debug!(
                "{}: compiled shaders not kept: {error}",
                self.file.display()
            );
        }
    }
}

/// Where compiled shaders are kept.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("DISTPY_GPU_CACHE").map(PathBuf::from);
    folder.filter(|folder| !folder.as_os_str().is_empty())
}

fn compile(
    device: &wgpu::Device,
    dispatch: &Dispatch,
    text: &str,
    cache: Option<&wgpu::PipelineCache>,
) -> Pipeline {
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
        cache,
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
