//! Recordings: the dispatches of a computation on numbered tensors, as plain data.
//!
//! A recording knows every tensor's first and last use, so tensors that do not live at the same time share a slot: a
//! buffer on the device. All slots exist while the recording is loaded; their sum with the tables is its peak.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use num_complex::Complex;

use crate::block::{DType, Precision};

mod slots;
mod text;

/// What one element of a tensor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// `real` in WGSL: f32 or f64 by the recorder's precision.
    Real,
    /// `vec2<real>`: real part, imaginary part.
    Complex,
    /// Samples as a file holds them, packed, in little-endian order: `array<u32>` in WGSL.
    Stored(DType),
    /// `u32`.
    Index,
}

impl Element {
    /// Bytes of one element.
    pub fn size(self, precision: Precision) -> usize {
        let real = match precision {
            Precision::F32 => 4,
            Precision::F64 => 8,
        };
        match self {
            Element::Real => real,
            Element::Complex => 2 * real,
            Element::Stored(dtype) => dtype.size(),
            Element::Index => 4,
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Element::Real => "real",
            Element::Complex => "complex",
            Element::Stored(dtype) => dtype.name(),
            Element::Index => "index",
        })
    }
}

/// A row-major array on the device, by number. Cheap to copy; it belongs to one recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tensor {
    id: usize,
    rows: usize,
    cols: usize,
    element: Element,
    precision: Precision,
}

impl Tensor {
    /// Its number in the recording.
    pub fn id(self) -> usize {
        self.id
    }

    /// Number of rows: channels.
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Number of columns: times, frequencies or bands.
    pub fn cols(self) -> usize {
        self.cols
    }

    /// What one element is.
    pub fn element(self) -> Element {
        self.element
    }

    /// Number of elements.
    pub fn len(self) -> usize {
        self.rows * self.cols
    }

    /// Never: a recorder refuses tensors without elements.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Bytes of all elements.
    pub fn bytes(self) -> usize {
        self.len() * self.element.size(self.precision)
    }

    /// Bytes of the binding: whole 32-bit words.
    pub fn binding_bytes(self) -> u64 {
        self.bytes().next_multiple_of(4) as u64
    }

    /// The same memory with another shape or element of equal total size.
    ///
    /// Panics if the sizes differ: a kernel that reinterprets memory knows both.
    pub fn view(self, rows: usize, cols: usize, element: Element) -> Self {
        let view = Self {
            rows,
            cols,
            element,
            ..self
        };
        assert_eq!(
            view.bytes(),
            self.bytes(),
            "{self} seen as {element} {rows}x{cols}"
        );
        view
    }
}

impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "%{} {} {}x{}",
            self.id, self.element, self.rows, self.cols
        )
    }
}

/// What a device can do, as far as kernels choose by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// Bytes of workgroup memory.
    pub workgroup_storage: usize,
    /// Threads of a workgroup.
    pub invocations: usize,
    /// Bytes of one storage binding.
    pub binding: u64,
    /// Bytes of one buffer.
    pub buffer: u64,
    /// Workgroups along one dimension of a dispatch.
    pub workgroups: u32,
    /// Storage buffers of one kernel.
    pub storage_buffers: u32,
    /// Whether shaders can compute in double precision.
    pub f64: bool,
}

impl Limits {
    /// What every WebGPU device offers.
    pub const DOWNLEVEL: Limits = Limits {
        workgroup_storage: 16 << 10,
        invocations: 256,
        binding: 128 << 20,
        buffer: 256 << 20,
        workgroups: 65_535,
        storage_buffers: 8,
        f64: false,
    };
}

/// A compute shader: one file in `shaders/`, entry point `main`.
///
/// `@binding(0)` of group 0 is the uniform `Params`; then follow the inputs as read-only storage, then the outputs as
/// read-write storage, in the order of the [`Dispatch`].
#[derive(Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The file's name without extension.
    pub name: &'static str,
    /// The file's text.
    pub source: &'static str,
}

/// One launch of a kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    /// What runs.
    pub kernel: &'static Kernel,
    /// Generated text that runs in place of the kernel's own.
    pub text: Option<String>,
    /// Values of the shader's `override` constants. `threads` is the size of the workgroup wherever a kernel imports `grid`.
    pub constants: Vec<(&'static str, f64)>,
    /// The bytes of `Params`.
    pub params: Vec<u8>,
    /// Tensors that are read.
    pub inputs: Vec<Tensor>,
    /// Tensors that are written, all or in part.
    pub outputs: Vec<Tensor>,
    /// Number of workgroups, folded over two dimensions by `import/grid.wgsl`: a few more may run.
    pub workgroups: u64,
    /// Bytes of workgroup memory that the kernel declares with these constants.
    pub workgroup_bytes: usize,
}

impl Dispatch {
    /// The text that runs: before imports and precision.
    pub fn source(&self) -> &str {
        self.text.as_deref().unwrap_or(self.kernel.source)
    }
}

/// Where a tensor's content comes from.
#[derive(Debug, Clone, PartialEq)]
enum Origin {
    Input,
    Table(Arc<[u8]>),
    Temp,
}

/// Functions of WGSL that no graphics system has in double precision.
const SINGLE_ONLY: [&str; 14] = [
    "exp", "exp2", "log", "log2", "pow", "sin", "cos", "tan", "asin", "acos", "atan", "atan2",
    "sinh", "tanh",
];

/// Appends dispatches; see [`Recording`].
#[derive(Debug)]
pub struct Recorder {
    limits: Limits,
    precision: Precision,
    tensors: Vec<(Tensor, Origin)>,
    tables: HashMap<(Arc<[u8]>, Element), usize>,
    written: Vec<bool>,
    dispatches: Vec<Dispatch>,
    /// Launches that wait for a reader, by the tensor that they write.
    deferred: HashMap<usize, (Dispatch, Option<Steps>)>,
    /// Where the transpose of a tensor lies: from a row of another one on.
    upright: HashMap<usize, (Tensor, usize)>,
}

/// An element-wise launch as functions that another kernel can apply to what it reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    /// WGSL functions `step0(x, p: vec4<real>)` and so on, each of the result of the one before.
    pub functions: String,
    /// Four parameters for each.
    pub numbers: Vec<f64>,
}

impl Recorder {
    /// An empty recorder for a device with these limits.
    ///
    /// Panics if it asks for double precision where the device has none.
    pub fn new(limits: Limits, precision: Precision) -> Self {
        assert!(
            limits.f64 || precision == Precision::F32,
            "double precision was asked of a device without it"
        );
        Self {
            limits,
            precision,
            tensors: Vec::new(),
            tables: HashMap::new(),
            written: Vec::new(),
            dispatches: Vec::new(),
            deferred: HashMap::new(),
            upright: HashMap::new(),
        }
    }

    /// The device's limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What `real` is.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// A tensor that is uploaded for each run.
    pub fn input(&mut self, rows: usize, cols: usize, element: Element) -> Tensor {
        self.tensor(rows, cols, element, Origin::Input)
    }

    /// A tensor that dispatches fill.
    pub fn temp(&mut self, rows: usize, cols: usize, element: Element) -> Tensor {
        self.tensor(rows, cols, element, Origin::Temp)
    }

    /// A constant, uploaded once: its bytes in the device's order. Equal tables are one.
    pub fn table(&mut self, bytes: &[u8], element: Element, rows: usize, cols: usize) -> Tensor {
        if let Some(&id) = self.tables.get(&(Arc::from(bytes), element)) {
            return self.tensors[id].0.view(rows, cols, element);
        }
        let bytes: Arc<[u8]> = Arc::from(bytes);
        let table = self.tensor(rows, cols, element, Origin::Table(bytes.clone()));
        assert_eq!(bytes.len(), table.bytes(), "content of table {table}");
        self.tables.insert((bytes, element), table.id);
        table
    }

    /// One row of real constants.
    pub fn table_real(&mut self, values: &[f64]) -> Tensor {
        let bytes = self.reals(values.iter().copied());
        self.table(&bytes, Element::Real, 1, values.len())
    }

    /// One row of complex constants.
    pub fn table_complex(&mut self, values: &[Complex<f64>]) -> Tensor {
        let bytes = self.reals(values.iter().flat_map(|v| [v.re, v.im]));
        self.table(&bytes, Element::Complex, 1, values.len())
    }

    /// One row of whole-number constants.
    pub fn table_index(&mut self, values: &[u32]) -> Tensor {
        self.table(
            bytemuck::cast_slice(values),
            Element::Index,
            1,
            values.len(),
        )
    }

    /// Appends a launch with one output when something reads that. Whoever can do without takes its steps, where it is element-wise
    /// ([`Recorder::steps_of`]), or its transpose ([`Recorder::upright`]), so that the output need not be written.
    pub fn defer(&mut self, dispatch: Dispatch, steps: Option<Steps>) {
        let output = dispatch.outputs[0];
        self.written[output.id] = true;
        self.deferred.insert(output.id, (dispatch, steps));
    }

    /// What a tensor that nothing has read yet is made from, and how.
    pub fn steps_of(&self, tensor: Tensor) -> Option<(Tensor, &Steps)> {
        let (dispatch, steps) = self.deferred.get(&tensor.id)?;
        Some((dispatch.inputs[0], steps.as_ref()?))
    }

    /// Tells that the transpose of a tensor lies in another one, from row `first` on.
    pub fn lies_upright(&mut self, tensor: Tensor, upright: Tensor, first: usize) {
        self.upright.insert(tensor.id, (upright, first));
    }

    /// Where the transpose of a tensor lies, if it does, and from which row on.
    pub fn upright(&self, tensor: Tensor) -> Option<(Tensor, usize)> {
        let known = self.upright.get(&tensor.id).copied();
        known.filter(|(upright, first)| {
            upright.cols() == tensor.rows() && upright.rows() >= first + tensor.cols()
        })
    }

    /// Appends the launches that wait for these readers.
    fn settle(&mut self, read: &[Tensor]) {
        for tensor in read {
            if let Some((dispatch, _)) = self.deferred.remove(&tensor.id) {
                self.dispatch(dispatch);
            }
        }
    }

    /// Appends a launch.
    ///
    /// Panics if it needs more than the limits allow, reads what nothing has written, or writes what it reads: kernels
    /// choose their shape by [`Recorder::limits`].
    pub fn dispatch(&mut self, dispatch: Dispatch) {
        self.settle(&dispatch.inputs);
        let name = dispatch.kernel.name;
        let limits = &self.limits;
        assert!(
            dispatch.workgroup_bytes <= limits.workgroup_storage,
            "{name}: {} bytes of workgroup memory, the limit is {}",
            dispatch.workgroup_bytes,
            limits.workgroup_storage
        );
        let buffers = dispatch.inputs.len() + dispatch.outputs.len();
        assert!(
            buffers <= limits.storage_buffers as usize,
            "{name}: {buffers} storage buffers, the limit is {}",
            limits.storage_buffers
        );
        for (constant, value) in &dispatch.constants {
            assert!(
                *constant != "threads" || *value <= limits.invocations as f64,
                "{name}: {value} threads, the limit is {}",
                limits.invocations
            );
        }
        let plane = u64::from(limits.workgroups).pow(2);
        assert!(
            (1..=plane).contains(&dispatch.workgroups),
            "{name}: {} workgroups, the limits are 1 and {plane}",
            dispatch.workgroups
        );
        assert!(!dispatch.params.is_empty(), "{name}: no parameters");
        for input in &dispatch.inputs {
            assert!(self.written[input.id], "{name}: reads {input} unwritten");
        }
        for output in &dispatch.outputs {
            assert!(
                dispatch.inputs.iter().all(|input| input.id != output.id),
                "{name}: reads and writes {output}"
            );
            assert!(
                matches!(self.tensors[output.id].1, Origin::Temp),
                "{name}: writes {output}, which is no temporary"
            );
            self.written[output.id] = true;
        }
        self.dispatches.push(dispatch);
    }

    /// Whether everything recorded up to now is computed in the recorder's precision: shaders have transcendental functions in single
    /// precision only.
    pub fn computes_in_its_precision(&self) -> bool {
        let single_only = |dispatch: &Dispatch| {
            let words = dispatch
                .source()
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            words.into_iter().any(|word| SINGLE_ONLY.contains(&word))
        };
        let deferred = self.deferred.values().map(|(dispatch, _)| dispatch);
        let mut all = self.dispatches.iter().chain(deferred);
        self.precision == Precision::F32 || !all.any(single_only)
    }

    /// The finished recording; `outputs` are downloaded after each run, in this order.
    ///
    /// Panics if nothing has written one of them.
    pub fn finish(mut self, outputs: &[Tensor]) -> Recording {
        self.settle(outputs);
        for output in outputs {
            assert!(self.written[output.id], "output {output} is unwritten");
        }
        let slots = slots::assign(&self.tensors, &self.dispatches, outputs);
        Recording {
            precision: self.precision,
            limits: self.limits,
            tensors: self.tensors,
            dispatches: self.dispatches,
            outputs: outputs.to_vec(),
            slots,
        }
    }

    fn tensor(&mut self, rows: usize, cols: usize, element: Element, origin: Origin) -> Tensor {
        assert!(rows > 0 && cols > 0, "a tensor of {rows}x{cols} elements");
        let tensor = Tensor {
            id: self.tensors.len(),
            rows,
            cols,
            element,
            precision: self.precision,
        };
        self.written.push(!matches!(origin, Origin::Temp));
        self.tensors.push((tensor, origin));
        tensor
    }

    fn reals(&self, values: impl Iterator<Item = f64>) -> Vec<u8> {
        match self.precision {
            Precision::F32 => values.flat_map(|v| (v as f32).to_ne_bytes()).collect(),
            Precision::F64 => values.flat_map(f64::to_ne_bytes).collect(),
        }
    }
}

/// A finished recording: what is uploaded, launched and downloaded for each run. Displays as text.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    precision: Precision,
    limits: Limits,
    tensors: Vec<(Tensor, Origin)>,
    dispatches: Vec<Dispatch>,
    outputs: Vec<Tensor>,
    slots: slots::Slots,
}

impl Recording {
    /// What `real` is.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The limits that it was recorded for.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What is uploaded for each run, in the order of recording.
    pub fn inputs(&self) -> impl Iterator<Item = Tensor> + '_ {
        let inputs = self.tensors.iter();
        inputs.filter_map(|(t, origin)| matches!(origin, Origin::Input).then_some(*t))
    }

    /// Constants and their bytes.
    pub fn tables(&self) -> impl Iterator<Item = (Tensor, &Arc<[u8]>)> + '_ {
        self.tensors.iter().filter_map(|(t, origin)| match origin {
            Origin::Table(bytes) => Some((*t, bytes)),
            _ => None,
        })
    }

    /// What is launched, in order.
    pub fn dispatches(&self) -> &[Dispatch] {
        &self.dispatches
    }

    /// What is downloaded after each run.
    pub fn outputs(&self) -> &[Tensor] {
        &self.outputs
    }

    /// The slot that holds a tensor: an index of [`Recording::slot_bytes`]; `None` for tables and what is never used.
    pub fn slot(&self, tensor: Tensor) -> Option<usize> {
        self.slots.of[tensor.id]
    }

    /// Bytes of each slot.
    pub fn slot_bytes(&self) -> &[u64] {
        &self.slots.bytes
    }

    /// Bytes on the device while it is loaded: slots and tables. Staging memory is the engine's.
    pub fn peak_bytes(&self) -> u64 {
        let tables: u64 = self.tables().map(|(t, _)| t.binding_bytes()).sum();
        self.slots.bytes.iter().sum::<u64>() + tables
    }

    /// Bytes of its largest tensor, which must fit [`Limits::binding`] and [`Limits::buffer`].
    pub fn largest_bytes(&self) -> u64 {
        let sizes = self.tensors.iter().map(|(t, _)| t.binding_bytes());
        sizes.max().unwrap_or(0)
    }

    /// Bytes that its kernels read and write in a run, each array once for each kernel that has it.
    pub fn moved_bytes(&self) -> u64 {
        let tensors = self
            .dispatches
            .iter()
            .flat_map(|d| d.inputs.iter().chain(&d.outputs));
        tensors.map(|t| t.bytes() as u64).sum()
    }

    /// Bytes that go up and come down for each run.
    pub fn transfer_bytes(&self) -> (u64, u64) {
        let up = self.inputs().map(|t| t.bytes() as u64).sum();
        let down = self.outputs.iter().map(|t| t.bytes() as u64).sum();
        (up, down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static DOUBLE: Kernel = Kernel {
        name: "double",
        source: "",
    };

    fn double(rec: &mut Recorder, x: Tensor, cols: usize) -> Tensor {
        let y = rec.temp(x.rows(), cols, Element::Real);
        rec.dispatch(Dispatch {
            kernel: &DOUBLE,
            text: None,
            constants: vec![("threads", 64.0)],
            params: bytemuck::cast_slice(&[3u32, 2.0f32.to_bits()]).to_vec(),
            inputs: vec![x],
            outputs: vec![y],
            workgroups: 7,
            workgroup_bytes: 256,
        });
        y
    }

    #[test]
    fn slots_are_reused_after_the_last_use() {
        let mut rec = Recorder::new(Limits::DOWNLEVEL, Precision::F32);
        let table = rec.table_real(&[1.0, 2.0]);
        assert_eq!(table, rec.table_real(&[1.0, 2.0]), "equal tables are one");
        let x = rec.input(2, 10, Element::Stored(DType::I16));
        let a = double(&mut rec, x, 10);
        let b = double(&mut rec, a, 5);
        let c = double(&mut rec, b, 10);
        let recording = rec.finish(&[c]);
        let expected = "\
%0 real 1x2 <- table
%1 int16 2x10 <- input in slot 0
%2 real 2x10 in slot 1
  <- double(%1) {threads 64} [3 0x40000000] x 7, 256 B shared, free %1
%3 real 2x5 in slot 0
  <- double(%2) {threads 64} [3 0x40000000] x 7, 256 B shared, free %2
%4 real 2x10 in slot 1
  <- double(%3) {threads 64} [3 0x40000000] x 7, 256 B shared, free %3
outputs %4
peak 128 B";
        assert_eq!(recording.to_string(), expected);
        assert_eq!(recording.transfer_bytes(), (40, 80));
        assert_eq!(recording.largest_bytes(), 80);
    }

    #[test]
    #[should_panic(expected = "double: 256 bytes of workgroup memory, the limit is 128")]
    fn workgroup_memory_beyond_the_limit_is_refused() {
        let limits = Limits {
            workgroup_storage: 128,
            ..Limits::DOWNLEVEL
        };
        let mut rec = Recorder::new(limits, Precision::F32);
        let x = rec.input(1, 1, Element::Real);
        double(&mut rec, x, 1);
    }

    #[test]
    #[should_panic(expected = "double: reads %0 real 1x1 unwritten")]
    fn reading_what_nothing_wrote_is_refused() {
        let mut rec = Recorder::new(Limits::DOWNLEVEL, Precision::F32);
        let x = rec.temp(1, 1, Element::Real);
        double(&mut rec, x, 1);
    }
}
