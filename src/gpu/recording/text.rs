//! Recordings as text: a line per tensor and per launch, the same for the same recording.

use std::fmt;

use super::{Origin, Recording, Tensor};

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (tensor, origin) in &self.tensors {
            match origin {
                Origin::Input => writeln!(f, "{tensor} <- input{}", self.place(*tensor))?,
                Origin::Table(_) => writeln!(f, "{tensor} <- table")?,
                Origin::Temp => {}
            }
        }
        for (index, dispatch) in self.dispatches.iter().enumerate() {
            for output in &dispatch.outputs {
                writeln!(f, "{output}{}", self.place(*output))?;
            }
            write!(f, "  <- {}", dispatch.kernel.name)?;
            list(
                f,
                "(",
                ", ",
                ")",
                dispatch.inputs.iter().map(|t| format!("%{}", t.id)),
            )?;
            let constants = dispatch.constants.iter();
            list(
                f,
                " {",
                ", ",
                "}",
                constants.map(|(name, value)| format!("{name} {value}")),
            )?;
            list(f, " [", " ", "]", words(&dispatch.params))?;
            write!(f, " x {}", dispatch.workgroups)?;
            if dispatch.workgroup_bytes > 0 {
                write!(f, ", {} B shared", dispatch.workgroup_bytes)?;
            }
            let freed = self.slots.freed[index].iter().map(|id| format!("%{id}"));
            list(f, ", free ", " ", "", freed)?;
            writeln!(f)?;
        }
        list(
            f,
            "outputs ",
            " ",
            "\n",
            self.outputs.iter().map(|t| format!("%{}", t.id)),
        )?;
        write!(f, "peak {} B", self.peak_bytes())
    }
}

impl Recording {
    fn place(&self, tensor: Tensor) -> String {
        self.slot(tensor)
            .map_or_else(|| ", unused".into(), |slot| format!(" in slot {slot}"))
    }
}

/// Parameters as 32-bit words; large ones are mostly floating-point numbers, so they are shown in hexadecimal.
fn words(params: &[u8]) -> impl Iterator<Item = String> + '_ {
    params.chunks(4).map(|chunk| {
        let mut bytes = [0; 4];
        bytes[..chunk.len()].copy_from_slice(chunk);
        match u32::from_ne_bytes(bytes) {
            word @ 0..0x100_0000 => word.to_string(),
            word => format!("{word:#x}"),
        }
    })
}

/// Writes a list between brackets; nothing for an empty one.
fn list(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    separator: &str,
    close: &str,
    items: impl Iterator<Item = String>,
) -> fmt::Result {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return Ok(());
    }
    write!(f, "{open}{}{close}", items.join(separator))
}
