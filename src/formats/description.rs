//! What a user says of HDF5 files whose layout no reader knows: where samples, times and depths are, by path or by value.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::Layout;
use super::properties::stamp;

/// What is wanted of HDF5 files: a band of PRODML's, or a layout that is described.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Description {
    /// Which band of a PRODML file is read in place of its raw data.
    pub fbe: Option<Band>,
    /// Where things are in files that have this dataset.
    pub layout: Option<Described>,
}

/// A band of frequencies whose energy was recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum Band {
    /// Its number, from 0.
    Number(usize),
    /// Its dataset's name, such as `FbeData[2]`, or with its group's, `Fbe[1]/FbeData[2]`.
    Name(String),
}

/// A layout.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The dataset of samples, of two dimensions.
    pub data: String,
    /// Which of them is time.
    pub order: Layout,
    /// Samples per second; `None` where the times of `start` tell.
    pub rate: Option<Rate>,
    /// The time of the first sample.
    pub start: Start,
    /// Metres along the fibre; `None` where there are none.
    pub depth: Option<Depth>,
    /// What a stored sample is multiplied by.
    pub factor: Option<Number>,
    /// The unit of that.
    pub unit: Option<Text>,
}

/// A sampling rate.
#[derive(Debug, Clone, PartialEq)]
pub enum Rate {
    /// Samples per second.
    Prf(Number),
    /// Seconds from a sample to the next.
    Step(Number),
}

/// A group or dataset, or an attribute of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// From the root on.
    pub object: String,
    /// The attribute's name.
    pub attribute: Option<String>,
}

/// A number that is given, or where it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Number {
    /// As given.
    Given(f64),
    /// In the file.
    At(Address),
}

/// A text that is given, or where it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum Text {
    /// As given.
    Given(String),
    /// In the file.
    At(Address),
}

/// The time of the first sample.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Start {
    /// As given.
    Given(Timestamp),
    /// In the file: text in ISO 8601, or a number of units of this many seconds since 1970; of several, one per sample, the first.
    At(Address, Unit),
}

/// What numbers of times count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Unit {
    /// Seconds.
    #[default]
    #[serde(rename = "s")]
    Seconds,
    /// Thousandths.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Millionths.
    #[serde(rename = "us")]
    Microseconds,
    /// Billionths.
    #[serde(rename = "ns")]
    Nanoseconds,
}

/// Where channels are.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Depth {
    /// A dataset with a number for each.
    At(Address),
    /// In even steps.
    Even {
        /// Of the first.
        start: Number,
        /// From one to the next.
        step: Number,
    },
}

/// The keys as they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    data: Option<Data>,
    order: Option<Order>,
    prf: Option<Number>,
    dt: Option<Number>,
    start: Option<Start>,
    depth: Option<Depth>,
    factor: Option<Number>,
    unit: Option<Text>,
    fbe: Option<BandKey>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Data(String);

#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
struct BandKey(Band);

#[derive(Debug, Deserialize)]
enum Order {
    #[serde(rename = "time,channel")]
    Times,
    #[serde(rename = "channel,time")]
    Channels,
}

impl TryFrom<Keys> for Description {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let Keys {
            data,
            order,
            prf,
            dt,
            start,
            depth,
            factor,
            unit,
            fbe,
        } = keys;
        let fbe = fbe.map(|BandKey(band)| band);
        let Some(Data(data)) = data else {
            let others = order.is_some()
                || [&prf, &dt, &factor].iter().any(|it| it.is_some())
                || start.is_some()
                || depth.is_some()
                || unit.is_some();
            return match others || fbe.is_none() {
                true => {
                    Err("found no data, expected the path of the dataset that holds samples".into())
                }
                false => Ok(Self { fbe, layout: None }),
            };
        };
        let rate = match (prf, dt) {
            (Some(_), Some(_)) => return Err("found prf and dt, expected one of them".into()),
            (Some(prf), None) => Some(Rate::Prf(prf)),
            (None, Some(dt)) => Some(Rate::Step(dt)),
            (None, None) => None,
        };
        if factor.is_some() && unit.is_none() {
            return Err("found a factor without a unit, expected both".into());
        }
        let order =
            match order.ok_or("found no order, expected \"time,channel\" or \"channel,time\"")? {
                Order::Times => Layout::TimeMajor,
                Order::Channels => Layout::ChannelMajor,
            };
        let layout = Described {
            data,
            order,
            rate,
            start: start.ok_or("found no start, expected the time of the first sample")?,
            depth,
            factor,
            unit,
        };
        Ok(Self {
            fbe,
            layout: Some(layout),
        })
    }
}

impl Address {
    /// `/group/dataset`, or `/group@attribute`.
    fn parse(text: &str) -> Option<Self> {
        let (object, attribute) = match text.rsplit_once('@') {
            Some((object, attribute)) => (object, Some(attribute.to_owned())),
            None => (text, None),
        };
        let whole = object.starts_with('/') && attribute.as_deref() != Some("");
        whole.then(|| Self {
            object: object.to_owned(),
            attribute,
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match &self.attribute {
            Some(attribute) => write!(f, "{}@{attribute}", self.object),
            None => f.write_str(&self.object),
        }
    }
}

fn address(value: &Value) -> Option<Address> {
    Address::parse(value.as_str()?)
}

impl TryFrom<String> for Data {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Address::parse(&text) {
            Some(at) if at.attribute.is_none() => Ok(Self(text)),
            _ => Err(format!(
                "found \"{text}\", expected a dataset's path, /group/dataset"
            )),
        }
    }
}

impl TryFrom<Value> for BandKey {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match &value {
            Value::String(name) => Ok(Self(Band::Name(name.clone()))),
            other => match other.as_u64() {
                Some(number) => Ok(Self(Band::Number(number as usize))),
                None => Err(format!(
                    "found {value}, expected a band's number from 0, or its name"
                )),
            },
        }
    }
}

impl TryFrom<Value> for Number {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let given = value.as_f64().map(Self::Given);
        given
            .or_else(|| address(&value).map(Self::At))
            .ok_or_else(|| {
                format!("found {value}, expected a number, /dataset or /object@attribute")
            })
    }
}

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Ok(Self::Given(text));
        }
        let at = Address::parse(&text).map(Self::At);
        at.ok_or_else(|| {
            format!("found \"{text}\", expected a unit, /dataset or /object@attribute")
        })
    }
}

impl TryFrom<Value> for Start {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        /// The long form.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Long {
            from: Value,
            #[serde(default)]
            unit: Unit,
        }
        let (from, unit) = match value {
            Value::Object(_) => {
                let Long { from, unit } =
                    serde_json::from_value(value).map_err(|e| e.to_string())?;
                (from, unit)
            }
            other => (other, Unit::default()),
        };
        let time = match &from {
            Value::Number(_) => unit.time(&from).map(Self::Given),
            Value::String(text) => address(&from)
                .map(|at| Self::At(at, unit))
                .or_else(|| stamp(text).map(Self::Given)),
            _ => None,
        };
        time.ok_or_else(|| {
            format!("found {from}, expected a time in ISO 8601 or since 1970, /dataset or /object@attribute")
        })
    }
}

impl TryFrom<Value> for Depth {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        /// Even steps.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Even {
            start: Number,
            step: Number,
        }
        if let Some(at) = address(&value) {
            return Ok(Self::At(at));
        }
        if !value.is_object() {
            return Err(format!(
                "found {value}, expected /dataset, or start and step"
            ));
        }
        let Even { start, step } = serde_json::from_value(value).map_err(|e| e.to_string())?;
        Ok(Self::Even { start, step })
    }
}

impl Unit {
    /// Its length in seconds.
    pub fn seconds(self) -> f64 {
        1.0 / self.per_second() as f64
    }

    /// How many are a second.
    pub fn per_second(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1_000_000,
            Self::Nanoseconds => 1_000_000_000,
        }
    }

    /// A number of units since 1970 as a time; whole ones exactly. `None` for what is no time.
    pub fn time(self, number: &Value) -> Option<Timestamp> {
        let time = match number.as_i64() {
            Some(whole) => {
                let nanoseconds = i128::from(whole) * i128::from(1_000_000_000 / self.per_second());
                Timestamp::from_nanosecond(nanoseconds).ok()?
            }
            // Doubles hold today's seconds to a quarter of a microsecond.
            None => {
                let seconds = number.as_f64()? * self.seconds();
                Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()?
            }
        };
        (time.as_second() as f64 >= super::properties::YEAR_1971).then_some(time)
    }
}
