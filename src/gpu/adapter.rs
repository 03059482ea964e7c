//! Adapters: which devices there are, what they can do, and which one is taken.

use std::fmt;

use super::{GpuError, Limits};

/// What kind of device an adapter is, in the order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceType {
    /// A GPU with its own memory.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A GPU lent by a host.
    Virtual,
    /// The driver does not say.
    Unknown,
    /// Vulkan on the CPU.
    Software,
}

impl fmt::Display for DeviceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeviceType::Discrete => "discrete GPU",
            DeviceType::Integrated => "integrated GPU",
            DeviceType::Virtual => "virtual GPU",
            DeviceType::Unknown => "device of unknown type",
            DeviceType::Software => "software",
        })
    }
}

/// What is known of an adapter without opening it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AdapterInfo {
    /// Its place in the list, by which it can be selected.
    pub index: usize,
    /// The device's name.
    pub name: String,
    /// The graphics system: `vulkan`, `metal`, `dx12`.
    pub backend: String,
    /// What kind of device it is.
    pub device_type: DeviceType,
    /// The driver's name and version.
    pub driver: String,
    /// What it can do.
    pub limits: Limits,
    /// Optional abilities that matter here, by name.
    pub features: Vec<&'static str>,
}

impl fmt::Display for AdapterInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, name, .. } = self;
        write!(
            f,
            "{index}: {name} ({}, {})",
            self.device_type, self.backend
        )
    }
}

/// What kind of adapter is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// The best hardware GPU; without one the caller takes the CPU.
    Auto,
    /// The best hardware GPU.
    Gpu,
    /// Vulkan on the CPU.
    Software,
}

/// The adapter that is taken.
#[derive(Debug)]
pub struct Choice {
    /// What it is.
    pub info: AdapterInfo,
    /// Why it is taken, for a person.
    pub why: String,
    pub(super) adapter: wgpu::Adapter,
}

/// All adapters; none where the machine has no driver.
pub fn list() -> Vec<AdapterInfo> {
    enumerate()
        .iter()
        .enumerate()
        .map(|(index, adapter)| describe(index, adapter))
        .collect()
}

/// Selects no adapter before others: who can use several takes all of a kind.
pub const ALL: &str = "all";

/// Chooses an adapter: discrete before integrated before virtual. `selector` is an index, a part of the name, or [`ALL`].
///
/// # Errors
/// [`GpuError::NoAdapter`] when none is of the wanted kind.
pub fn choose(want: Want, selector: Option<&str>) -> Result<Choice, GpuError> {
    let mut adapters = enumerate();
    let infos: Vec<AdapterInfo> = adapters
        .iter()
        .enumerate()
        .map(|(index, adapter)| describe(index, adapter))
        .collect();
    let (index, why) = pick(&infos, want, selector)?;
    Ok(Choice {
        info: infos[index].clone(),
        why,
        adapter: adapters.swap_remove(index),
    })
}

/// Every adapter of the kind that [`choose`] takes one of, of the same graphics system.
///
/// # Errors
/// [`GpuError::NoAdapter`] when there is none.
pub fn choose_all(want: Want) -> Result<Vec<Choice>, GpuError> {
    let best = choose(want, None)?.info;
    let software = |info: &AdapterInfo| info.device_type == DeviceType::Software;
    let alike =
        |info: &AdapterInfo| software(info) == software(&best) && info.backend == best.backend;
    let adapters = enumerate().into_iter().enumerate();
    let described = adapters.map(|(index, adapter)| (describe(index, &adapter), adapter));
    let all: Vec<(AdapterInfo, wgpu::Adapter)> =
        described.filter(|(info, _)| alike(info)).collect();
    let why = format!("one of {}, all of which are taken", all.len());
    let choice = |(info, adapter)| Choice {
        info,
        why: why.clone(),
        adapter,
    };
    Ok(all.into_iter().map(choice).collect())
}

fn enumerate() -> Vec<wgpu::Adapter> {
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    pollster::block_on(instance.enumerate_adapters(backends))
}

fn describe(index: usize, adapter: &wgpu::Adapter) -> AdapterInfo {
    let info = adapter.get_info();
    let limits = adapter.limits();
    let features = adapter.features();
    let of_interest = [
        ("f64", wgpu::Features::SHADER_F64),
        ("f16", wgpu::Features::SHADER_F16),
        ("subgroups", wgpu::Features::SUBGROUP),
        ("timestamps", wgpu::Features::TIMESTAMP_QUERY),
        ("mappable", wgpu::Features::MAPPABLE_PRIMARY_BUFFERS),
    ];
    AdapterInfo {
        index,
        name: info.name,
        backend: info.backend.to_string(),
        device_type: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => DeviceType::Discrete,
            wgpu::DeviceType::IntegratedGpu => DeviceType::Integrated,
            wgpu::DeviceType::VirtualGpu => DeviceType::Virtual,
            wgpu::DeviceType::Cpu => DeviceType::Software,
            wgpu::DeviceType::Other => DeviceType::Unknown,
        },
        driver: [info.driver, info.driver_info].join(" ").trim().to_string(),
        limits: Limits {
            workgroup_storage: limits.max_compute_workgroup_storage_size as usize,
            // Workgroups are lines of threads, so their length is limited too.
            invocations: limits
                .max_compute_invocations_per_workgroup
                .min(limits.max_compute_workgroup_size_x) as usize,
            binding: limits.max_storage_buffer_binding_size,
            buffer: limits.max_buffer_size,
            workgroups: limits.max_compute_workgroups_per_dimension,
            storage_buffers: limits.max_storage_buffers_per_shader_stage,
            f64: features.contains(wgpu::Features::SHADER_F64),
        },
        features: of_interest
            .into_iter()
            .filter_map(|(name, feature)| features.contains(feature).then_some(name))
            .collect(),
    }
}

/// Which of the adapters is taken, and why.
fn pick(
    infos: &[AdapterInfo],
    want: Want,
    selector: Option<&str>,
) -> Result<(usize, String), GpuError> {
    let selector = selector.filter(|text| *text != ALL);
    let software = want == Want::Software;
    let wanted = if software {
        "a software adapter"
    } else {
        "a hardware GPU"
    };
    let refuse = |wanted: String| GpuError::NoAdapter {
        wanted,
        found: match infos {
            [] => "no adapter and no usable graphics driver".to_string(),
            _ => infos
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        },
    };
    let selected: Vec<&AdapterInfo> = match selector {
        None => infos.iter().collect(),
        Some(text) => infos.iter().filter(|info| matches(info, text)).collect(),
    };
    if let Some(text) = selector
        && selected.is_empty()
    {
        return Err(refuse(format!(
            "an adapter `{text}` (index or part of the name)"
        )));
    }
    let mut fitting: Vec<&AdapterInfo> = selected
        .into_iter()
        .filter(|info| (info.device_type == DeviceType::Software) == software)
        .collect();
    fitting.sort_by_key(|info| (info.device_type, info.index));
    let Some(best) = fitting.first() else {
        let by = selector
            .map(|text| format!(" matching `{text}`"))
            .unwrap_or_default();
        return Err(refuse(format!("{wanted}{by}")));
    };
    let mut why = match selector {
        Some(text) => format!("{}, selected by `{text}`", best.device_type),
        None => best.device_type.to_string(),
    };
    if fitting.len() > 1 {
        why += &format!(", first of {} that fit", fitting.len());
    }
    Ok((best.index, why))
}

/// A number selects by index alone, so that `1` does not select a name with that digit.
fn matches(info: &AdapterInfo, selector: &str) -> bool {
    match selector.parse::<usize>() {
        Ok(index) => info.index == index,
        Err(_) => info.name.to_lowercase().contains(&selector.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(types: &[(&str, DeviceType)]) -> Vec<AdapterInfo> {
        types
            .iter()
            .enumerate()
            .map(|(index, (name, device_type))| AdapterInfo {
                index,
                name: name.to_string(),
                backend: "vulkan".into(),
                device_type: *device_type,
                driver: String::new(),
                limits: Limits::DOWNLEVEL,
                features: Vec::new(),
            })
            .collect()
    }

    #[test]
    fn hardware_is_preferred_and_software_only_taken_when_asked_for() {
        use DeviceType::{Discrete, Integrated, Software};
        let machine = machine(&[
            ("llvmpipe", Software),
            ("Iris", Integrated),
            ("RTX 1", Discrete),
            ("RTX 2", Discrete),
        ]);
        let cases = [
            (
                Want::Auto,
                None,
                Ok((2, "discrete GPU, first of 3 that fit")),
            ),
            (
                Want::Gpu,
                Some("iris"),
                Ok((1, "integrated GPU, selected by `iris`")),
            ),
            (
                Want::Gpu,
                Some("3"),
                Ok((3, "discrete GPU, selected by `3`")),
            ),
            (
                Want::Gpu,
                Some("rtx"),
                Ok((2, "discrete GPU, selected by `rtx`, first of 2 that fit")),
            ),
            (Want::Software, None, Ok((0, "software"))),
            (
                Want::Gpu,
                Some("llvm"),
                Err("a hardware GPU matching `llvm`"),
            ),
            (
                Want::Auto,
                Some("radeon"),
                Err("an adapter `radeon` (index or part of the name)"),
            ),
        ];
        for (want, selector, expected) in cases {
            let found = pick(&machine, want, selector).map_err(|e| match e {
                GpuError::NoAdapter { wanted, .. } => wanted,
                other => panic!("{other}"),
            });
            let expected = expected
                .map(|(index, why)| (index, why.to_string()))
                .map_err(str::to_string);
            assert_eq!(found, expected, "{want:?} {selector:?}");
        }
    }

    #[test]
    fn without_a_fitting_adapter_the_error_says_what_there_is() {
        let error = pick(
            &machine(&[("llvmpipe", DeviceType::Software)]),
            Want::Auto,
            None,
        );
        assert_eq!(
            error.expect_err("software is not taken").to_string(),
            "found 0: llvmpipe (software, vulkan), expected a hardware GPU"
        );
        let error = pick(&[], Want::Software, None);
        assert_eq!(
            error.expect_err("there is nothing to take").to_string(),
            "found no adapter and no usable graphics driver, expected a software adapter"
        );
    }
}
