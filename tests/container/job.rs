//! A Kubernetes Job without Kubernetes: its pod template is run with podman for every completion index, exactly as written, and
//! its failure policy is applied as the Job controller applies it. Indexes are taken one after another.

mod expand;
mod pod;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_yaml_ng::Value;

use crate::podman::Ran;
use pod::Pod;

/// What stands for the cluster that a Job runs in.
#[derive(Debug, Default)]
pub struct Cluster<'a> {
    /// The documents that were rendered with the Job: its ConfigMaps are looked for here.
    pub documents: &'a [Value],
    /// The folder that stands for each volume; ConfigMaps and empty folders are made.
    pub volumes: BTreeMap<String, PathBuf>,
    /// In place of the image that the Job names.
    pub image: Option<String>,
    /// Evicts the first pod of an index after that time, as a drained node does.
    pub evictions: BTreeMap<u32, Duration>,
}

/// How a Job ended.
#[derive(Debug)]
pub struct Finished {
    pub state: State,
    pub completed: Vec<u32>,
    pub failed: Vec<u32>,
    /// Each pod: of which index, what it did, and its termination message.
    pub pods: Vec<Ended>,
}

/// A Job's last condition.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Complete,
    /// With the reason that Kubernetes gives.
    Failed(&'static str),
}

/// A pod that ran.
#[derive(Debug)]
pub struct Ended {
    pub index: u32,
    /// The container that decided how it ended.
    pub container: String,
    pub ran: Ran,
    pub message: String,
    /// It was evicted, which gives it the condition `DisruptionTarget`.
    pub evicted: bool,
}

/// What is done about a failed pod.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Action {
    FailJob,
    FailIndex,
    Ignore,
    Count,
}

/// More pods than that for one index, and the policy has no end.
const ENDLESS: usize = 50;

impl Finished {
    /// How many pods were started for an index.
    pub fn pods_of(&self, index: u32) -> usize {
        self.pods.iter().filter(|pod| pod.index == index).count()
    }

    /// What the pods printed, for messages of failed assertions.
    pub fn log(&self) -> String {
        let lines = self.pods.iter().map(|pod| {
            let Ran { code, out, err, .. } = &pod.ran;
            format!("index {}: exit code {code}\n{out}{err}", pod.index)
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Cluster<'_> {
    /// Runs a Job to its end.
    pub fn run(&self, job: &Value) -> Finished {
        assert_eq!(job["kind"], "Job", "not a Job: {job:?}");
        let spec = &job["spec"];
        let completions = number(&spec["completions"]).unwrap_or(1);
        let mut finished = Finished {
            state: State::Complete,
            completed: Vec::new(),
            failed: Vec::new(),
            pods: Vec::new(),
        };
        let mut counted = 0;
        for index in 0..completions {
            let action = self.run_index(job, index, &mut counted, &mut finished);
            let over = match action {
                None => {
                    finished.completed.push(index);
                    None
                }
                Some(Action::FailJob) => Some("PodFailurePolicy"),
                Some(Action::Count) => Some("BackoffLimitExceeded"),
                Some(_) => {
                    finished.failed.push(index);
                    let most = number(&spec["maxFailedIndexes"]).unwrap_or(u32::MAX);
                    let failed = finished.failed.len();
                    (failed > most as usize).then_some("MaxFailedIndexesExceeded")
                }
            };
            if let Some(reason) = over {
                finished.state = State::Failed(reason);
                return finished;
            }
        }
        if !finished.failed.is_empty() {
            finished.state = State::Failed("FailedIndexes");
        }
        finished
    }

    /// Runs the pods of an index; `None` when one succeeded, else what became of the index (`FailIndex`) or the Job.
    fn run_index(
        &self,
        job: &Value,
        index: u32,
        counted: &mut u32,
        finished: &mut Finished,
    ) -> Option<Action> {
        let spec = &job["spec"];
        let per_index = number(&spec["backoffLimitPerIndex"]);
        let limit = per_index.or(number(&spec["backoffLimit"])).unwrap_or(6);
        if per_index.is_some() {
            *counted = 0;
        }
        for attempt in 0..ENDLESS {
            let eviction = self.evictions.get(&index).filter(|_| attempt == 0);
            let ended = Pod::new(self, job, index).run(eviction.copied());
            let action = (ended.ran.code != 0).then(|| action(spec, &ended));
            finished.pods.push(ended);
            match action {
                None => return None,
                Some(Action::Ignore) => {}
                Some(Action::Count) => {
                    *counted += 1;
                    if *counted > limit {
                        let index_fails = per_index.is_some();
                        return Some(if index_fails {
                            Action::FailIndex
                        } else {
                            Action::Count
                        });
                    }
                }
                ends => return ends,
            }
        }
        panic!(
            "index {index} was tried {ENDLESS} times:\n{}",
            finished.log()
        );
    }
}

/// The action of the first rule that fits a failed pod.
fn action(spec: &Value, ended: &Ended) -> Action {
    let rules = spec["podFailurePolicy"]["rules"].as_sequence();
    let first = rules
        .into_iter()
        .flatten()
        .find(|rule| fits(rule, ended))
        .map(|rule| &rule["action"]);
    match first.map(|it| it.as_str().unwrap()) {
        None | Some("Count") => Action::Count,
        Some("Ignore") => Action::Ignore,
        Some("FailIndex") => Action::FailIndex,
        Some("FailJob") => Action::FailJob,
        Some(other) => panic!("unknown action {other} in podFailurePolicy"),
    }
}

fn fits(rule: &Value, ended: &Ended) -> bool {
    if let Some(conditions) = rule["onPodConditions"].as_sequence() {
        let disrupted = |it: &Value| {
            it["type"] == "DisruptionTarget" && it["status"].as_str().unwrap_or("True") == "True"
        };
        return ended.evicted && conditions.iter().any(disrupted);
    }
    let codes = &rule["onExitCodes"];
    let container = codes["containerName"].as_str();
    if container.is_some_and(|name| name != ended.container) {
        return false;
    }
    let values = codes["values"].as_sequence();
    let values = values.unwrap_or_else(|| panic!("a rule without conditions and codes: {rule:?}"));
    let listed = values
        .iter()
        .any(|value| value.as_i64() == Some(i64::from(ended.ran.code)));
    match codes["operator"].as_str() {
        Some("In") => listed,
        Some("NotIn") => !listed,
        other => panic!("unknown operator {other:?} in podFailurePolicy"),
    }
}

/// A whole number, where there is one.
fn number(value: &Value) -> Option<u32> {
    let number = value.as_u64()?;
    Some(u32::try_from(number).unwrap())
}
