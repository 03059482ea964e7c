//! npy files: what numpy writes is read, what we write is what numpy writes, and what is broken is refused with its place.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use distpy_gpu::block::{DType, Endian, Order};
use distpy_gpu::formats::{FormatError, npy};

/// Bytes of a file with a header of version 1.0, as short as it can be.
fn file(header: &str, samples: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [
        b"\x93NUMPY\x01\x00",
        &length[..],
        header.as_bytes(),
        samples,
    ]
    .concat()
}

fn open(bytes: &[u8]) -> Result<npy::Array, FormatError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    std::fs::write(&path, bytes).unwrap();
    npy::open(&path)
}

fn rows(array: &npy::Array) -> Vec<f64> {
    let stored = array.stored().unwrap();
    let block = stored.block::<f64>(0..stored.shape()[0]);
    block.as_real().iter().copied().collect()
}

#[test]
fn numpy_files_of_every_version_are_read() {
    let head = |version: u8, length: &[u8], dict: &str, width: usize| {
        let mut bytes = [b"\x93NUMPY", &[version, 0][..], length].concat();
        bytes.extend_from_slice(format!("{dict:<width$}\n").as_bytes());
        bytes
    };
    let big = "{'descr': '>i2', 'fortran_order': False, 'shape': (2, 3), }";
    let mut bytes = head(1, &[118, 0], big, 117);
    bytes.extend([0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5]);
    let array = open(&bytes).unwrap();
    assert_eq!(array.header().data_at, 128);
    assert_eq!(rows(&array), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);

    let fortran = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }";
    let mut bytes = head(2, &[116, 0, 0, 0], fortran, 115);
    for value in [0.0f32, 3.0, 1.0, 4.0, 2.0, 5.0] {
        bytes.extend(value.to_le_bytes());
    }
    assert_eq!(rows(&open(&bytes).unwrap()), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);

    let complex = "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }";
    let mut bytes = head(3, &[116, 0, 0, 0], complex, 115);
    bytes.extend([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]);
    let array = open(&bytes).unwrap();
    assert_eq!(
        (array.header().dtype, array.stored().is_none()),
        (DType::C64, true)
    );
    assert_eq!(array.to_f64_vec(), None);
}

#[test]
fn headers_are_read_however_they_are_written() {
    let cases = [
        (
            "{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
            DType::F64,
            vec![],
        ),
        (
            "{'shape': (2L, 3L), 'fortran_order': True, 'descr': '|b1'}",
            DType::Bool,
            vec![2, 3],
        ),
        (
            "{\"descr\":\"=u4\",\"fortran_order\":False,\"shape\":(1,2,3)}\n",
            DType::U32,
            vec![1, 2, 3],
        ),
        (
            "  { 'descr' : 'f2' ,\n'fortran_order' : False , 'shape' : ( 4 , ) , }  ",
            DType::F16,
            vec![4],
        ),
        (
            "{'descr': '>c16', 'fortran_order': False, 'shape': (0, 5), }",
            DType::C128,
            vec![0, 5],
        ),
    ];
    for (text, dtype, shape) in cases {
        let header = npy::parse(Path::new("x"), &file(text, &[])).unwrap();
        assert_eq!((header.dtype, header.shape), (dtype, shape), "{text}");
    }
}

#[test]
fn own_headers_are_numpys() {
    let expected = file(
        &format!(
            "{:<117}\n",
            "{'descr': '<i2', 'fortran_order': False, 'shape': (5000, 10000), }"
        ),
        &[],
    );
    if Endian::NATIVE == Endian::Little {
        assert_eq!(npy::header_bytes(DType::I16, &[5000, 10000]), expected);
    }
    for dtype in DType::ALL {
        for shape in [&[][..], &[7], &[3, 1], &[2, 3, 4]] {
            let bytes = npy::header_bytes(dtype, shape);
            let header = npy::parse(Path::new("x"), &bytes).unwrap();
            let native = header.endian == Endian::NATIVE && header.order == Order::C;
            assert!(native && bytes.len().is_multiple_of(64) && header.data_at == bytes.len());
            assert_eq!((header.dtype, &header.shape[..]), (dtype, shape));
        }
    }
}

#[test]
fn axes_of_every_shape_give_their_values() {
    let samples: Vec<u8> = [1.5f64, -2.0]
        .iter()
        .flat_map(|v| v.to_ne_bytes())
        .collect();
    for shape in [&[2][..], &[2, 1], &[1, 2]] {
        let array = open(&npy::encode(DType::F64, shape, &samples)).unwrap();
        assert_eq!(array.to_f64_vec().unwrap(), [1.5, -2.0], "{shape:?}");
    }
    let square = open(&npy::encode(DType::I8, &[2, 2], &[1, 2, 3, 4])).unwrap();
    assert_eq!(square.to_f64_vec(), None);
}

#[test]
fn broken_files_are_refused_with_their_place() {
    let entries = |descr: &str, shape: &str| {
        file(
            &format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"),
            &[0; 8],
        )
    };
    let whole = npy::encode(DType::I16, &[2, 2], &[0; 8]);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "byte 0: found \"\", expected an npy file"),
        (
            "zip",
            b"PK\x03\x04abcdef".to_vec(),
            "byte 0: found \"PK\\x03\\x04ab\", expected an npy file",
        ),
        (
            "version",
            b"\x93NUMPY\x07\x00".to_vec(),
            "byte 6: found version 7, expected version 1, 2 or 3",
        ),
        (
            "no length",
            b"\x93NUMPY\x01\x00\x10".to_vec(),
            "byte 8: found the end of the file at byte 9",
        ),
        (
            "cut header",
            whole[..40].to_vec(),
            "byte 10: found 30 bytes, expected a header of 118 bytes",
        ),
        (
            "cut samples",
            whole[..130].to_vec(),
            "byte 128: found 2 bytes of samples, expected 8 bytes (shape [2, 2] of int16)",
        ),
        (
            "extended",
            entries("'<f16'", "(1,)"),
            "byte 20: found type '<f16', expected a plain number",
        ),
        ("object", entries("'|O'", "(1,)"), "found type '|O'"),
        (
            "structured",
            entries("[('a', '<f4'), ('b', '<i2')]", "(1,)"),
            "found the structured type [('a', '<f4'), ('b', '<i2')]",
        ),
        (
            "absurd",
            entries("'<f8'", "(4611686018427387904, 8)"),
            "expected fewer bytes than can be addressed",
        ),
        (
            "absurd row",
            entries("'<f8'", "(0, 4611686018427387904)"),
            "expected fewer bytes than can be addressed",
        ),
        (
            "too long",
            entries("'<f8'", "(99999999999999999999,)"),
            "expected a length of the shape",
        ),
        (
            "negative",
            entries("'<f8'", "(-1,)"),
            "expected a length of the shape",
        ),
        (
            "missing",
            file("{'descr': '<f8'}", &[]),
            "found no 'fortran_order', expected all three keys",
        ),
        (
            "no dictionary",
            file("not a header", &[]),
            "byte 10: found \"not a header\", expected '{'",
        ),
        (
            "unknown key",
            file("{'dtype': '<f8'}", &[]),
            "found 'dtype', expected the key",
        ),
    ];
    for (what, bytes, expected) in cases {
        let message = open(&bytes).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(expected), "{what}: {message}");
        assert!(message.contains("a.npy: "), "{what}: {message}");
    }
}

#[test]
fn a_header_cut_anywhere_is_an_error() {
    let whole = npy::encode(DType::F64, &[3, 2], &[0; 48]);
    for length in 0..whole.len() {
        assert!(open(&whole[..length]).is_err(), "{length} bytes");
    }
    assert!(open(&whole).is_ok());
}

#[test]
fn what_is_no_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [
        folder.path().to_path_buf(),
        PathBuf::from("no/such/file.npy"),
    ] {
        let message = npy::open(&path).map(|_| ()).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("{}: ", path.display())),
            "{message}"
        );
    }
}
