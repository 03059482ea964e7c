//! Energy of bands of frequencies: `/Acquisition/Processed/Fbe[n]` with `FbeData[m]` for each band, and one `FbeDataTime`, whose times
//! are those of the first sample of each window.

use hdf5::{Dataset, Group};

use super::Names;
use crate::formats::FormatError;
use crate::formats::description::Band;
use crate::formats::hdf5::{Place, attributes, list as listed, members};

pub const NAMES: Names = Names {
    data: "FbeData",
    times: "FbeDataTime",
    unit: "FbeDataUnit",
};

/// Every band, by its name below `Processed`, in the order of the numbers.
fn bands(acquisition: &Group) -> Vec<(String, Group, Dataset)> {
    let Ok(processed) = acquisition.group("Processed") else {
        return Vec::new();
    };
    let numbered = |names: Vec<String>| {
        let mut names = names;
        names.sort_by_key(|name| {
            let digits = name.trim_matches(|c: char| !c.is_ascii_digit());
            (digits.parse::<u64>().ok(), name.clone())
        });
        names.into_iter()
    };
    let groups = numbered(members(&processed));
    let groups = groups.filter(|name| name.starts_with("Fbe"));
    let groups = groups.filter_map(|name| Some((processed.group(&name).ok()?, name)));
    groups
        .flat_map(|(group, of)| {
            let names = numbered(members(&group));
            let names = names.filter(|name| name.starts_with(NAMES.data) && name != NAMES.times);
            names.filter_map(move |name| {
                let data = group.dataset(&name).ok()?;
                Some((format!("{of}/{name}"), group.clone(), data))
            })
        })
        .collect()
}

/// The bands as a message shows them; `None` where there is none.
pub fn list(acquisition: &Group) -> Option<String> {
    let bands = bands(acquisition);
    let shown = bands.iter().map(|(name, _, data)| {
        let about = attributes::of(data);
        let frequency = |name: &str| attributes::number(&about, name);
        match (frequency("StartFrequency"), frequency("EndFrequency")) {
            (Some(from), Some(to)) => format!("{name} ({from} to {to} Hz)"),
            _ => name.clone(),
        }
    });
    (!bands.is_empty()).then(|| listed(shown))
}

/// A band and its group: of several groups, the first that has it, and a warning that names the others.
pub fn find(
    at: Place,
    acquisition: &Group,
    band: &Band,
    warnings: &mut Vec<String>,
) -> Result<(Group, Dataset), FormatError> {
    let wanted = match band {
        Band::Number(number) => format!("{}[{number}]", NAMES.data),
        Band::Name(name) => name.clone(),
    };
    let fits = |name: &str| name == wanted || name.ends_with(&format!("/{wanted}"));
    let mut found = bands(acquisition)
        .into_iter()
        .filter(|(name, ..)| fits(name));
    let first = found.next();
    let others: Vec<String> = found.map(|(name, ..)| name).collect();
    if let (Some((name, ..)), false) = (&first, others.is_empty()) {
        warnings.push(format!(
            "{name} is read, and not {}: distpy_gpu.hdf5.fbe may have the whole name",
            listed(others)
        ));
    }
    first.map(|(_, group, data)| (group, data)).ok_or_else(|| {
        let found = format!("no {wanted}, as distpy_gpu.hdf5.fbe says");
        let expected = match list(acquisition) {
            Some(bands) => format!("one of {bands}"),
            None => "bands in groups Fbe[n]".into(),
        };
        at.content("/Acquisition/Processed", found, expected)
    })
}
