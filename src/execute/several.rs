//! Several devices as one: chunks go to whichever has room, and come back in the order in which they were given.

use std::collections::VecDeque;

use super::{DeviceFault, Executor, Job, Needs, Results};
use crate::plan::Stage;

/// Executors that share the chunks. Where one fails, the others take over its chunks; results are the same.
pub struct Several {
    executors: Vec<Box<dyn Executor>>,
    /// Which executor has each chunk that was begun, oldest first.
    begun: VecDeque<usize>,
    /// Chunks that found no room.
    waiting: VecDeque<Job>,
}

impl Several {
    /// Of at least one.
    pub fn new(executors: Vec<Box<dyn Executor>>) -> Self {
        assert!(!executors.is_empty(), "no executor");
        Self {
            executors,
            begun: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The executor that has the least to do, if any has room.
    fn with_room(&self) -> Option<usize> {
        let rooms = self.executors.iter().enumerate();
        rooms
            .filter(|(_, executor)| executor.in_flight() < executor.capacity())
            .min_by_key(|(k, executor)| (executor.in_flight(), *k))
            .map(|(k, _)| k)
    }

    fn begin(&mut self) {
        while !self.waiting.is_empty()
            && let Some(k) = self.with_room()
            && let Some(job) = self.waiting.pop_front()
        {
            self.executors[k].submit(job);
            self.begun.push_back(k);
        }
    }

    /// Takes back everything, oldest first.
    fn take_back(&mut self) {
        let mut given: Vec<VecDeque<Job>> = self
            .executors
            .iter_mut()
            .map(|executor| executor.abandon().into())
            .collect();
        let begun = self.begun.drain(..).filter_map(|k| given[k].pop_front());
        let all: VecDeque<Job> = begun.chain(self.waiting.drain(..)).collect();
        self.waiting = all;
    }
}

impl Executor for Several {
    fn capacity(&self) -> usize {
        self.executors.iter().map(|e| e.capacity()).sum()
    }

    fn in_flight(&self) -> usize {
        self.begun.len() + self.waiting.len()
    }

    fn explain(&mut self, job: &Job) -> Result<String, DeviceFault> {
        let count = self.executors.len();
        let one = self.executors[0].explain(job)?;
        Ok(format!("{count} devices share the chunks, each:\n{one}"))
    }

    fn needs(&mut self, job: &Job) -> Result<Needs, DeviceFault> {
        let mut all = self.executors[0].needs(job)?;
        for other in &mut self.executors[1..] {
            let needs = other.needs(job)?;
            // One chunk is finished at a time.
            all.chunk.work = all.chunk.work.max(needs.chunk.work);
            all.at_once += needs.at_once;
            all.device_in_program += needs.device_in_program;
            all.device = all.device.max(needs.device);
        }
        Ok(all)
    }

    fn stages(&mut self, job: &Job) -> Result<Vec<Stage>, DeviceFault> {
        self.executors[0].stages(job)
    }

    fn submit(&mut self, job: Job) {
        self.waiting.push_back(job);
        self.begin();
    }

    fn collect(&mut self) -> Result<(Job, Results), DeviceFault> {
        loop {
            let k = *self.begun.front().expect("a chunk was submitted");
            match self.executors[k].collect() {
                Ok(done) => {
                    self.begun.pop_front();
                    self.begin();
                    return Ok(done);
                }
                Err(fault) => {
                    self.take_back();
                    if self.executors.len() == 1 {
                        return Err(fault);
                    }
                    let left = self.executors.len() - 1;
                    tracing::warn!(
                        "{fault}; the run goes on with {left} of {} devices",
                        left + 1
                    );
                    self.executors.remove(k);
                    self.begin();
                }
            }
        }
    }

    fn abandon(&mut self) -> Vec<Job> {
        self.take_back();
        self.waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does nothing, two chunks at a time, and fails at a chunk.
    struct Idle {
        queue: VecDeque<Job>,
        fails_at: Option<i64>,
    }

    impl Executor for Idle {
        fn capacity(&self) -> usize {
            2
        }

        fn in_flight(&self) -> usize {
            self.queue.len()
        }

        fn explain(&mut self, _: &Job) -> Result<String, DeviceFault> {
            Ok("idle\n".into())
        }

        fn needs(&mut self, _: &Job) -> Result<Needs, DeviceFault> {
            Ok(Needs::default())
        }

        fn stages(&mut self, _: &Job) -> Result<Vec<Stage>, DeviceFault> {
            Ok(Vec::new())
        }

        fn submit(&mut self, job: Job) {
            assert!(self.queue.len() < 2, "it has no room");
            self.queue.push_back(job);
        }

        fn collect(&mut self) -> Result<(Job, Results), DeviceFault> {
            let job = self.queue.front().expect("a chunk");
            if self.fails_at.is_some_and(|k| job.id.name.second() >= k) {
                return Err(DeviceFault("a device fell off".into()));
            }
            let job = self.queue.pop_front().expect("a chunk");
            Ok((job, Results::default()))
        }

        fn abandon(&mut self) -> Vec<Job> {
            self.queue.drain(..).collect()
        }
    }

    fn several(fail_at: &[Option<i64>]) -> Several {
        let idle = |&fails_at: &Option<i64>| {
            let queue = VecDeque::new();
            Box::new(Idle { queue, fails_at }) as Box<dyn Executor>
        };
        Several::new(fail_at.iter().map(idle).collect())
    }

    /// Streams chunks, and gives the order in which they come back until a fault, with what is then taken back.
    fn stream(executor: &mut Several, count: i64) -> (Vec<i64>, Vec<i64>) {
        let mut next = 0;
        let mut done = Vec::new();
        while done.len() < count as usize {
            while next < count && executor.in_flight() < executor.capacity() {
                executor.submit(Job::of_nothing(next));
                next += 1;
            }
            match executor.collect() {
                Ok((job, _)) => done.push(job.id.name.second()),
                Err(_) => break,
            }
        }
        let back = executor.abandon();
        (done, back.iter().map(|job| job.id.name.second()).collect())
    }

    #[test]
    fn chunks_come_back_in_order() {
        let mut three = several(&[None, None, None]);
        assert_eq!(three.capacity(), 6);
        assert_eq!(stream(&mut three, 20), ((0..20).collect(), vec![]));
    }

    #[test]
    fn others_take_over_from_a_device_that_fails() {
        let mut three = several(&[None, Some(5), None]);
        assert_eq!(stream(&mut three, 20), ((0..20).collect(), vec![]));
        assert_eq!(three.executors.len(), 2);
    }

    #[test]
    fn when_all_have_failed_their_chunks_are_given_back_in_order() {
        let mut two = several(&[Some(3), Some(7)]);
        let (done, back) = stream(&mut two, 20);
        assert_eq!(done, (0..7).collect::<Vec<_>>());
        assert_eq!(back[..2], [7, 8]);
        assert!(back.is_sorted());
    }
}
