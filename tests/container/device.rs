//! Devices: what the images do without a GPU, and the GPU's code path on software Vulkan.

use distpy_gpu::block::Block;
use distpy_gpu::formats::npy;

use crate::folder::Folder;
use crate::podman::{Container, IMAGE, MESA};

const FLOW: &str = "-m strainrate2summary -c system.json --device";

#[test]
fn without_a_gpu_asking_for_one_is_an_error() {
    // A software adapter is no GPU.
    for (image, found) in [(IMAGE, "no adapter"), (MESA, "llvmpipe")] {
        let folder = Folder::with_recordings();
        let container = Container::restricted(image, &format!("{FLOW} gpu"));
        let ran = container.with_data(folder.path()).run();
        let ran = ran.ends(69).says("expected a hardware GPU").says(found);
        let errors = ran.err.lines().filter(|line| line.contains("ERROR"));
        assert_eq!(errors.count(), 1, "{}", ran.err);
        assert!(folder.files("results").is_empty());
    }
}

#[test]
fn without_a_gpu_the_processor_is_taken() {
    for image in [IMAGE, MESA] {
        let [here, there] = [Folder::with_recordings(), Folder::with_recordings()];
        here.host(&format!("{FLOW} cpu")).ends(0);
        let container = Container::restricted(image, &format!("{FLOW} auto"));
        container.with_data(there.path()).run().ends(0);
        assert!(there.files("results") == here.files("results"), "{image}");
    }
}

#[test]
fn software_vulkan_gives_the_processors_numbers() {
    let [here, there] = [Folder::with_recordings(), Folder::with_recordings()];
    here.host(&format!("{FLOW} cpu")).ends(0);
    let container = Container::restricted(MESA, &format!("{FLOW} software"));
    container
        .with_data(there.path())
        .run()
        .ends(0)
        .says("llvmpipe");
    let names: Vec<String> = here.files("results/te").into_keys().collect();
    assert_eq!(
        names,
        there.files("results/te").into_keys().collect::<Vec<_>>()
    );
    assert!(names.iter().filter(|it| it.ends_with(".npy")).count() >= 2);
    for name in names {
        let [want, got] = [&here, &there].map(|folder| table(folder, &name));
        assert_eq!(want.len(), got.len(), "{name}");
        let scale = want.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        let largest = want.iter().zip(&got).map(|(a, b)| (a - b).abs());
        let largest = largest.fold(0.0, f64::max);
        assert!(
            scale > 0.0 && largest <= 1e-5 * scale,
            "{name}: {largest} of {scale}"
        );
    }
}

/// The numbers of a result.
fn table(folder: &Folder, name: &str) -> Vec<f64> {
    let array = npy::open(&folder.path().join("results/te").join(name)).unwrap();
    let stored = array.stored().or_else(|| array.column()).unwrap();
    let block: Block<f64> = stored.block(0..stored.shape()[0]);
    block.as_real().iter().copied().collect()
}
