//! Units that a configuration has converted, under distpy's names.

use serde::Deserialize;

use super::plots::FEET;

/// One unit into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Convert {
    /// Metres to feet.
    MToFt,
    /// Feet to metres.
    FtToM,
    /// Degrees Celsius to Fahrenheit.
    CToF,
    /// Degrees Fahrenheit to Celsius.
    FToC,
}

impl Convert {
    /// A value in the other unit. `distpy` asks for distpy's slope from Celsius to Fahrenheit, 1.4 in place of 1.8.
    pub fn apply(self, value: f64, distpy: bool) -> f64 {
        match self {
            Convert::MToFt => FEET * value,
            Convert::FtToM => value / FEET,
            Convert::CToF if distpy => 1.4 * value + 32.0,
            Convert::CToF => 1.8 * value + 32.0,
            Convert::FToC => 5.0 / 9.0 * (value - 32.0),
        }
    }

    /// The unit of the result.
    pub fn unit(self) -> &'static str {
        match self {
            Convert::MToFt => "ft",
            Convert::FtToM => "m",
            Convert::CToF => "F",
            Convert::FToC => "C",
        }
    }
}
