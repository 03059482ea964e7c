//! The first steps of the guide to Kubernetes, on a volume with nothing in it, and files of one's own in and out.

use crate::folder::Folder;
use crate::overlays::{as_it_is, complete, run};
use crate::podman::{Container, IMAGE, shell};
use crate::render::{kustomize, plain};

#[test]
fn an_empty_volume_comes_to_noise_logs() {
    if kustomize().is_none() {
        return;
    }
    let folder = Folder::empty();
    for (step, count, expected) in [
        ("overlays/demo", "code", 0),
        ("overlays/ingest-segy", "chunks_done", 30),
        ("overlays/cpu", "chunks_done", 30),
        ("overlays/curves", "chunks_done", 30),
        ("overlays/pictures", "chunks_done", 3),
    ] {
        let ran = run(step, as_it_is, &folder);
        assert_eq!(complete(&ran, count), expected, "{step}");
    }
    assert_eq!(folder.files("results/NoiseLog").len(), 30);
    assert_eq!(folder.files("pictures").len(), 3);
}

/// `kubectl cp` runs tar in the pod, which must stay until it is deleted, and then end at once.
#[test]
fn files_are_copied_in_and_out() {
    let files = plain();
    let (_, docs) = files.iter().find(|(name, _)| name == "copy.yaml").unwrap();
    let command = docs[0].pointer("/spec/containers/0/command").unwrap();
    let folder = Folder::empty();
    folder.write("here/recording.sgy", b"samples");
    let pod = Container {
        entrypoint: Some(serde_json::from_value(command.clone()).unwrap()),
        ..Container::restricted(IMAGE, "").with_data(folder.path())
    };
    let running = pod.start();
    let script = format!(
        "for try in $(seq 100); do [ ! -d recordings ] || break; sleep 0.1; done
         tar -cf - -C here recording.sgy | podman exec -i {name} tar -xmf - -C /data/recordings
         podman exec {name} tar -cf - /data/recordings > out.tar",
        name = running.name()
    );
    shell(&script, folder.path()).ends(0);
    assert_eq!(folder.files("recordings")["recording.sgy"], b"samples");
    let out = String::from_utf8_lossy(&folder.files("")["out.tar"]).into_owned();
    assert!(out.contains("recordings/recording.sgy") && out.contains("samples"));
    running.stop(30);
    // 137 where it was killed in the end.
    assert_eq!(running.wait().code, 143);
}
