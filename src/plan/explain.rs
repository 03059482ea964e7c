//! The plan as text.

use std::fmt;

use super::{Plan, Slot};
use crate::command::Rows;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for source in &self.sources {
            let from = source
                .file
                .as_ref()
                .map_or("chunk".to_string(), |p| p.display().to_string());
            let from = match &source.columns {
                Some(columns) => {
                    format!("{from}, columns {} to {}", columns.start, columns.end - 1)
                }
                None => from,
            };
            writeln!(
                f,
                "{} <- {from}  {}",
                names(&[source.slot]),
                self.signature(source.slot)
            )?;
        }
        for stage in &self.stages {
            let how = match stage.rows {
                Rows::Independent => "by rows",
                Rows::Coupled | Rows::Near(_) => "whole",
            };
            for step in &self.steps[stage.steps.clone()] {
                let shape = self.signature(step.outputs[0]);
                writeln!(
                    f,
                    "{} <- {}({})  {how}  {shape}",
                    names(&step.outputs),
                    step.label,
                    names(&step.inputs)
                )?;
            }
        }
        for sink in &self.sinks {
            writeln!(f, "   <- {}({})", sink.label, names(&sink.inputs))?;
        }
        if let Some(need) = &self.need {
            let (command, most) = &need.most;
            let seconds = need.rounded();
            writeln!(
                f,
                "edge buffer: {seconds:.4} s needed around a chunk, {most:.4} s of them for {command} (distpy_gpu.edge_seconds)"
            )?;
        }
        Ok(())
    }
}

fn names(slots: &[Slot]) -> String {
    slots
        .iter()
        .map(|slot| format!("%{}", slot.0))
        .collect::<Vec<_>>()
        .join(" ")
}
