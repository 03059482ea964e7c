//! The binary header and the trace header as tables: one row per field, for reading and for the JSON beside the chunks.

use serde_json::Value;

/// Bytes of the binary header.
pub const BINARY_HEADER: usize = 400;
/// Bytes of a trace header, and of each additional one.
pub const TRACE_HEADER: usize = 240;

/// Where the name of the second block of a trace's headers is.
const EXTENSION_NAME: std::ops::Range<usize> = 2 * TRACE_HEADER - 8..2 * TRACE_HEADER;
/// SEG00001 in ASCII and in EBCDIC.
const EXTENSION_NAMES: [&[u8; 8]; 2] = [b"SEG00001", b"\xe2\xc5\xc7\xf0\xf0\xf0\xf0\xf1"];
const EBCDIC_BLANK: u8 = 0x40;

/// Byte order of a file's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The largest byte first: the standard's.
    Big,
    /// The smallest byte first: revision 2 allows it, and older files have it.
    Little,
    /// Big-endian with the bytes of every 16-bit word swapped, which revision 2 has a constant for.
    Pairs,
}

impl ByteOrder {
    /// A number's bytes with the largest first.
    fn big<const N: usize>(self, mut bytes: [u8; N]) -> [u8; N] {
        match self {
            ByteOrder::Big => {}
            ByteOrder::Little => bytes.reverse(),
            ByteOrder::Pairs => bytes
                .as_chunks_mut::<2>()
                .0
                .iter_mut()
                .for_each(|b| b.reverse()),
        }
        bytes
    }
}

/// A header with its byte order. Offsets are 0-based inside the header.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    /// The header.
    pub bytes: &'a [u8],
    /// Byte order of its numbers.
    pub order: ByteOrder,
}

macro_rules! number {
    ($($type:ident),*) => {
        $(
            /// The number at an offset.
            pub fn $type(&self, at: usize) -> $type {
                const SIZE: usize = size_of::<$type>();
                let bytes: [u8; SIZE] = self.bytes[at..at + SIZE].try_into().expect("SIZE bytes");
                $type::from_be_bytes(self.order.big(bytes))
            }
        )*
    };
}

impl Raw<'_> {
    number!(i16, u16, i32, u32, u64, f64);

    /// The byte at an offset, of the word that it is in.
    pub fn u8(&self, at: usize) -> u8 {
        match self.order {
            ByteOrder::Pairs => self.bytes[at ^ 1],
            ByteOrder::Big | ByteOrder::Little => self.bytes[at],
        }
    }

    /// Whether the headers of a trace have the first extension of revision 2: a second block that has its name, or none.
    pub fn is_extended(&self) -> bool {
        self.names_extension()
            || self.bytes.get(EXTENSION_NAME).is_some_and(|name| {
                let blank = name[0];
                matches!(blank, 0 | b' ' | EBCDIC_BLANK) && name.iter().all(|b| *b == blank)
            })
    }

    /// Whether the headers of a trace name their second block as the first extension of revision 2.
    pub fn names_extension(&self) -> bool {
        let name = self.bytes.get(EXTENSION_NAME);
        name.is_some_and(|name| EXTENSION_NAMES.iter().any(|known| known[..] == *name))
    }

    /// A field of one of the tables, as JSON.
    pub fn json(&self, field: &Field) -> Value {
        match field.kind {
            U8 => self.u8(field.at).into(),
            I16 => self.i16(field.at).into(),
            U16 => self.u16(field.at).into(),
            I32 => self.i32(field.at).into(),
            U32 => self.u32(field.at).into(),
            U64 => self.u64(field.at).into(),
            F64 => self.f64(field.at).into(),
        }
    }
}

/// A field of a header.
#[derive(Debug)]
pub struct Field {
    /// distpy's name of it.
    pub name: &'static str,
    /// Offset in the header.
    pub at: usize,
    kind: Kind,
}

impl Field {
    /// The same field at offset 0, for bytes that are its own.
    pub fn at_start(&self) -> Self {
        Self { at: 0, ..*self }
    }

    /// Bytes that it takes.
    pub fn size(&self) -> usize {
        match self.kind {
            U8 => 1,
            I16 | U16 => 2,
            I32 | U32 => 4,
            U64 | F64 => 8,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    U8,
    I16,
    U16,
    I32,
    U32,
    U64,
    F64,
}
use Kind::{F64, I16, I32, U8, U16, U32, U64};

const fn field(at: usize, kind: Kind, name: &'static str) -> Field {
    Field { name, at, kind }
}

/// Fields of the binary header; offset 0 is byte 3200 of the file.
pub const BINARY: &[Field] = &[
    field(0, I32, "job_id"),
    field(4, I32, "line_number"),
    field(8, I32, "reel_number"),
    field(12, I16, "number_of_data_traces_per_ensemble"),
    field(14, U16, "number_of_auxiliary_traces_per_ensemble"),
    field(16, U16, "sample_interval"),
    field(18, U16, "sample_interval_of_original_field_recording"),
    field(20, U16, "number_of_samples_per_data_trace"),
    field(
        22,
        U16,
        "number_of_samples_per_data_trace_for_original_field_recording",
    ),
    field(24, I16, "data_sample_format"),
    field(26, I16, "ensemble_fold"),
    field(28, I16, "trace_sorting_code"),
    field(30, I16, "vertical_sum_code"),
    field(32, I16, "sweep_frequency_at_start"),
    field(34, I16, "sweep_frequency_at_end"),
    field(36, I16, "sweep_length"),
    field(38, I16, "sweep_type_code"),
    field(40, I16, "trace_number_of_sweep_channel"),
    field(42, I16, "sweep_trace_taper_length_at_start"),
    field(44, I16, "sweep_trace_taper_length_at_end"),
    field(46, I16, "taper_type"),
    field(48, I16, "correlated_data_traces"),
    field(50, I16, "binary_gain_recovered"),
    field(52, I16, "amplitude_recovery_method"),
    field(54, I16, "measurement_system"),
    field(56, I16, "impulse_signal_polarity"),
    field(58, I16, "vibratory_polarity_code"),
    field(60, I32, "extended_traces_per_ensemble"),
    field(64, I32, "extended_auxiliary_traces_per_ensemble"),
    field(68, I32, "extended_samples_per_trace"),
    field(72, F64, "extended_sample_interval"),
    field(80, F64, "extended_sample_interval_of_original"),
    field(88, I32, "extended_samples_per_trace_in_original"),
    field(92, I32, "extended_ensemble_fold"),
    field(96, I32, "endian_test_constant"),
    field(300, U8, "segy_major_rev"),
    field(301, U8, "segy_minor_rev"),
    field(302, I16, "fixed_length_trace_flag"),
    field(304, I16, "number_of_extended_textual_headers"),
    field(306, I32, "max_additional_240byte_headers"),
    field(310, U16, "time_basis_code"),
    field(312, U64, "number_of_traces_in_file"),
    field(320, U64, "byte_offset_of_first_trace"),
    field(328, I32, "number_of_trailer_stanzas"),
];

/// Fields of a trace header.
pub const TRACE: &[Field] = &[
    field(0, I32, "trace_sequence_number_within_line"),
    field(4, I32, "trace_sequence_number_within_file"),
    field(8, I32, "original_field_record_number"),
    field(12, I32, "trace_number_in_original_field_record"),
    field(16, I32, "energy_source_point_number"),
    field(20, I32, "ensemble_number"),
    field(24, I32, "trace_number_in_ensemble"),
    field(28, I16, "trace_identification_code"),
    field(30, I16, "number_of_vertically_stacked_traces"),
    field(32, I16, "number_of_horizontally_stacked_traces"),
    field(34, I16, "data_use"),
    field(
        36,
        I32,
        "distance_center_source_to_center_of_receiver_group",
    ),
    field(40, I32, "elevation_of_receiver_group"),
    field(44, I32, "surface_elevation_at_source"),
    field(48, I32, "source_depth_below_surface"),
    field(52, I32, "seismic_datum_elevation_at_group"),
    field(56, I32, "seismic_datum_elevation_at_source"),
    field(60, I32, "water_column_height_at_source"),
    field(64, I32, "water_column_height_at_group"),
    field(68, I16, "scalar_applied_to_elevations_and_depths"),
    field(70, I16, "scalar_applied_to_coordinates"),
    field(72, I32, "source_x"),
    field(76, I32, "source_y"),
    field(80, I32, "receiver_x"),
    field(84, I32, "receiver_y"),
    field(88, I16, "coordinate_units"),
    field(90, I16, "weathering_velocity"),
    field(92, I16, "subweathering_velocity"),
    field(94, I16, "uphole_time_at_source"),
    field(96, I16, "uphole_time_at_group"),
    field(98, I16, "source_static_correction"),
    field(100, I16, "group_static_correction"),
    field(102, I16, "total_static_applied"),
    field(104, I16, "lag_time_A"),
    field(106, I16, "lag_time_B"),
    field(108, I16, "delay_recording_time"),
    field(110, I16, "mute_time_start"),
    field(112, I16, "mute_time_end"),
    field(114, U16, "number_of_samples"),
    field(116, U16, "sample_interval"),
    field(118, I16, "gain_type"),
    field(120, I16, "instrument_gain"),
    field(122, I16, "instrument_initial_gain"),
    field(124, I16, "correlated"),
    field(126, I16, "sweep_frequency_at_start"),
    field(128, I16, "sweep_frequency_at_end"),
    field(130, I16, "sweep_length"),
    field(132, I16, "sweep_type"),
    field(134, I16, "sweep_taper_at_start"),
    field(136, I16, "sweep_taper_at_end"),
    field(138, I16, "sweep_taper_type"),
    field(140, I16, "alias_filter_frequency"),
    field(142, I16, "alias_filter_slope"),
    field(144, I16, "notch_filter_frequency"),
    field(146, I16, "notch_filter_slope"),
    field(148, I16, "low_cut_frequency"),
    field(150, I16, "high_cut_frequency"),
    field(152, I16, "low_cut_slope"),
    field(154, I16, "high_cut_slope"),
    field(156, I16, "year"),
    field(158, I16, "day"),
    field(160, I16, "hour"),
    field(162, I16, "minute"),
    field(164, I16, "second"),
    field(166, I16, "time_basis_code"),
    field(168, I16, "trace_weighting_factor"),
    field(170, I16, "roll_switch_position_one"),
    field(172, I16, "first_trace_in_original"),
    field(174, I16, "last_trace_in_original"),
    field(176, I16, "gap_size"),
    field(178, I16, "over_travel"),
    field(180, I32, "ensemble_x"),
    field(184, I32, "ensemble_y"),
    field(188, I32, "inline_number"),
    field(192, I32, "crossline_number"),
    field(196, I32, "shotpoint_number"),
    field(200, I16, "scalar_for_shotpoint_number"),
    field(202, I16, "trace_value_units"),
    field(204, I32, "transduction_constant_mantissa"),
    field(208, I16, "transduction_constant_exponent"),
    field(210, I16, "transduction_units"),
    field(212, I16, "device_trace_identifier"),
    field(214, I16, "scalar_applied_to_times"),
    field(216, I16, "source_type"),
    field(218, I16, "source_energy_direction_vertical"),
    field(220, I16, "source_energy_direction_crossline"),
    field(222, I16, "source_energy_direction_inline"),
    field(224, I32, "source_measurement_mantissa"),
    field(228, I16, "source_measurement_exponent"),
    field(230, I16, "source_measurement_unit"),
];

/// Fields of the first header extension of revision 2, behind the trace header. distpy does not read it; the names are ours.
pub const EXTENSION: &[Field] = &[
    field(
        TRACE_HEADER + 32,
        F64,
        "extended_elevation_of_receiver_group",
    ),
    field(TRACE_HEADER + 40, F64, "extended_depth_of_receiver_group"),
    field(TRACE_HEADER + 112, F64, "extended_receiver_x"),
    field(TRACE_HEADER + 120, F64, "extended_receiver_y"),
    field(TRACE_HEADER + 136, U32, "extended_number_of_samples"),
    field(TRACE_HEADER + 140, I32, "nanoseconds_added_to_second"),
    field(TRACE_HEADER + 144, F64, "extended_sample_interval"),
    field(TRACE_HEADER + 156, I16, "number_of_header_extensions"),
    field(TRACE_HEADER + 158, I16, "last_trace_flag"),
];
