use ndarray::{ArrayD, IxDyn};
use proptest::prelude::*;

use super::*;

/// Samples that differ from their neighbours.
fn samples(count: usize) -> Vec<i32> {
    let value = |k: usize| (k as i32).wrapping_mul(747_796_405) ^ 0x5A5A;
    (0..count).map(value).collect()
}

fn array(shape: &[usize], tile: &[usize], packed: bool) -> Array {
    Array {
        name: "outer/values".into(),
        shape: shape.to_vec(),
        tile: tile.to_vec(),
        element: 4,
        packed,
    }
}

fn writer(path: &Path, array: &Array) -> Result<TileWriter, FormatError> {
    let build = |file: &File| {
        let group = file.create_group("outer")?;
        let mut builder = group.new_dataset::<i32>().chunk(array.tile.clone());
        if array.packed {
            builder = builder.shuffle().deflate(LEVEL);
        }
        builder.shape(array.shape.clone()).create("values")?;
        Ok(())
    };
    TileWriter::create(path, vec![array.clone()], build)
}

/// Writes an array, some rows of tiles at a time.
fn write(path: &Path, array: &Array, rows: usize) -> Result<(), FormatError> {
    let mut writer = writer(path, array)?;
    let values = samples(array.shape.iter().product());
    let bytes: &[u8] = bytemuck::cast_slice(&values);
    let step = rows * array.tile[0];
    for from in (0..array.shape[0]).step_by(step) {
        let to = array.shape[0].min(from + step);
        writer.write(0, from, &bytes[from * array.row()..to * array.row()])?;
    }
    writer.finish()
}

/// The library reads what was written.
fn check(array: &Array, rows: usize) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    write(file.path(), array, rows).expect("it is written");
    let read = File::open(file.path()).and_then(|it| it.dataset(&array.name)?.read_dyn::<i32>());
    let values = samples(array.shape.iter().product());
    let expected = ArrayD::from_shape_vec(IxDyn(&array.shape), values).expect("its shape");
    assert!(read.expect("it is read") == expected, "{array:?}");
}

proptest! {
    #[test]
    fn the_library_reads_every_sample(
        dims in prop::collection::vec((0_usize..40, 1_usize..20), 1..4),
        rows in 1_usize..4,
        packed: bool,
    ) {
        let (shape, tile): (Vec<usize>, Vec<usize>) =
            dims.into_iter().map(|(n, tile)| (n, tile.min(n).max(1))).unzip();
        check(&array(&shape, &tile, packed), rows);
    }
}

/// A full node has 64 children, so that these indices have two and three levels.
#[test]
fn indices_of_many_tiles_have_several_levels() {
    for tiles in [63, 64, 65, 4096, 4097] {
        check(&array(&[tiles], &[1], false), tiles);
    }
    check(&array(&[130, 35], &[2, 1], true), 65);
}

#[test]
fn an_error_of_a_write_is_reported() {
    let path = Path::new("/dev/full");
    if path.exists() {
        let error = write(path, &array(&[10, 10], &[5, 5], false), 1);
        let error = error.expect_err("the device is full").to_string();
        assert!(
            error.contains("/dev/full") && error.contains("space"),
            "{error}"
        );
    }
}

/// Such as a share that accepts bytes and does not keep them.
#[test]
fn bytes_that_were_lost_are_reported() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let array = array(&[10, 10], &[5, 5], true);
    for at in [0, 30, 100] {
        let mut writer = writer(file.path(), &array).expect("it begins");
        let values = samples(100);
        let written = writer.write(0, 0, bytemuck::cast_slice(&values));
        written.expect("it is written");
        let place = writer.image.len().next_multiple_of(8) as u64 + at;
        writer.put(&[0x55, 0xAA], place).expect("it is damaged");
        let error = writer.finish().expect_err("it is damaged").to_string();
        assert!(error.contains("lost"), "{error}");
    }
}
