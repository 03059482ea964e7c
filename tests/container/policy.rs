//! What a Job makes of the exit codes of its pods, with a script in place of the program, and once with the program.

use std::sync::LazyLock;
use std::time::Duration;

use serde_yaml_ng::Value;

use crate::folder::Folder;
use crate::job::{Cluster, Finished, State};
use crate::podman::{IMAGE, root};

/// Three shards whose pods run `script`; `COUNT` is the file where pods of one index may count themselves.
fn job(script: &str) -> Value {
    let text = std::fs::read_to_string(root().join("tests/container/job/job.yaml")).unwrap();
    let mut job: Value = serde_yaml_ng::from_str(&text).unwrap();
    job["spec"]["template"]["spec"]["containers"][0]["args"] =
        vec!["-euc".to_owned(), script.to_owned()].into();
    job
}

fn run(script: &str) -> Finished {
    let data = Folder::empty();
    cluster(&data).run(&job(script))
}

fn cluster(data: &Folder) -> Cluster<'static> {
    static GREETINGS: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let text = "{kind: ConfigMap, metadata: {name: greetings}, data: {greeting: \"good day\\n\", other: x}}";
        vec![serde_yaml_ng::from_str(text).unwrap()]
    });
    Cluster {
        documents: GREETINGS.as_slice(),
        volumes: [("data".to_owned(), data.path().to_owned())].into(),
        image: Some(IMAGE.to_owned()),
        ..Cluster::default()
    }
}

fn pods(finished: &Finished) -> [usize; 3] {
    [0, 1, 2].map(|index| finished.pods_of(index))
}

/// Adds one to the index's count, which is then in `n`.
const COUNT: &str =
    r#"n=0; [ ! -e "$COUNT" ] || read -r n <"$COUNT"; n=$((n + 1)); echo $n >"$COUNT";"#;

#[test]
fn every_index_succeeds_once() {
    let finished = run("true");
    assert_eq!(finished.state, State::Complete, "{}", finished.log());
    assert_eq!(
        (finished.completed.as_slice(), pods(&finished)),
        (&[0, 1, 2][..], [1, 1, 1])
    );
    assert!(finished.failed.is_empty());
}

#[test]
fn bad_input_fails_its_index_alone() {
    let finished = run("[ $(INDEX) != 1 ] || exit 65");
    assert_eq!(
        finished.state,
        State::Failed("FailedIndexes"),
        "{}",
        finished.log()
    );
    assert_eq!(finished.completed, [0, 2]);
    assert_eq!(finished.failed, [1]);
    assert_eq!(pods(&finished), [1, 1, 1]);
}

#[test]
fn a_wrong_configuration_fails_the_job() {
    let finished = run("[ $(INDEX) != 1 ] || exit 78");
    assert_eq!(
        finished.state,
        State::Failed("PodFailurePolicy"),
        "{}",
        finished.log()
    );
    assert_eq!(finished.completed, [0]);
    assert_eq!(pods(&finished), [1, 1, 0]);
}

#[test]
fn a_passing_failure_is_retried_up_to_the_limit() {
    let finished = run(&format!(
        "{COUNT} [ $(INDEX) != 0 ] || exit 75; [ $n = 3 ] || exit 75"
    ));
    assert_eq!(
        finished.state,
        State::Failed("FailedIndexes"),
        "{}",
        finished.log()
    );
    assert_eq!(finished.completed, [1, 2]);
    assert_eq!(finished.failed, [0]);
    assert_eq!(pods(&finished), [3, 3, 3]);
}

#[test]
fn an_end_that_was_asked_for_is_retried_without_counting() {
    let finished = run(&format!("{COUNT} [ $n = 6 ] || exit 143"));
    assert_eq!(finished.state, State::Complete, "{}", finished.log());
    assert_eq!(pods(&finished), [6, 6, 6]);
}

#[test]
fn too_many_failed_indexes_fail_the_job() {
    let finished = run("exit 65");
    assert_eq!(
        finished.state,
        State::Failed("MaxFailedIndexesExceeded"),
        "{}",
        finished.log()
    );
    assert_eq!(finished.failed, [0, 1]);
    assert_eq!(pods(&finished), [1, 1, 0]);
}

#[test]
fn an_evicted_pod_does_not_count_whatever_its_code() {
    let data = Folder::empty();
    let mut cluster = cluster(&data);
    cluster.evictions.insert(2, Duration::from_millis(300));
    let script = format!(
        "{COUNT} [ $(INDEX) != 2 ] || [ $n != 1 ] || {{ trap 'exit 78' TERM; sleep 60 & wait; }}"
    );
    let finished = cluster.run(&job(&script));
    assert_eq!(finished.state, State::Complete, "{}", finished.log());
    assert_eq!(pods(&finished), [1, 1, 2]);
    let first = finished.pods.iter().find(|pod| pod.index == 2).unwrap();
    assert_eq!((first.ran.code, first.evicted), (78, true));
}

#[test]
fn a_pod_is_as_its_template_says() {
    let script = r#"
        echo '$(INDEX) of $(SHARDS), $$(INDEX), $(NOBODY)'
        echo "user $(id -u):$(id -g), groups $(id -G)"
        grep -E '^(CapEff|NoNewPrivs)' /proc/self/status | tr -d '\t'
        touch /x 2>/dev/null || echo read-only
        touch /config/x 2>/dev/null || echo fixed
        cat /config/greeting; ls /config; touch /tmp/x /data/x
        uname -n; echo "$NAME"; echo last words >/dev/termination-log"#;
    let finished = run(script);
    assert_eq!(finished.state, State::Complete, "{}", finished.log());
    assert_eq!(
        finished.pods[1].ran.out,
        "1 of 3, $(INDEX), $(NOBODY)\n\
         user 4321:4322, groups 4322 4323\n\
         CapEff:0000000000000000\nNoNewPrivs:1\n\
         read-only\nfixed\ngood day\ngreeting\nexample-1\nexample\n"
    );
    assert_eq!(finished.pods[1].message, "last words\n");
    // The place where the ConfigMap is mounted.
    assert_eq!(finished.pods[1].ran.changed, ["A /config"]);
}

/// The shards of the program do the work of one run.
#[test]
fn shards_of_the_program_make_every_result() {
    let [here, there] = [Folder::with_recordings(), Folder::with_recordings()];
    let flow = "-m strainrate2summary -c system.json --device cpu";
    here.host(flow).ends(0);
    let mut job = job("");
    let container = &mut job["spec"]["template"]["spec"]["containers"][0];
    container.as_mapping_mut().unwrap().remove("command");
    let args: Vec<String> = flow.split_whitespace().map(str::to_owned).collect();
    container["args"] = args.into();
    container["workingDir"] = "/data".into();
    let finished = cluster(&there).run(&job);
    assert_eq!(finished.state, State::Complete, "{}", finished.log());
    assert!(there.files("results") == here.files("results"));
    for pod in &finished.pods {
        let message: serde_json::Value = serde_json::from_str(&pod.message).unwrap();
        assert!(message.is_object(), "{message}");
    }
}
