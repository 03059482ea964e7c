//! Exit codes: sysexits, one list for the program, its documentation and the orchestrator's failure policy.

/// One exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Code {
    /// The number.
    pub code: u8,
    /// Its name in sysexits, or the signal's.
    pub name: &'static str,
    /// When the program ends with it.
    pub meaning: &'static str,
    /// Whether the same command may succeed when it is run again.
    pub retry: bool,
    /// What a Kubernetes Job does with a pod that ends so.
    pub policy: Policy,
}

/// What a Job does, in the words of its `podFailurePolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Policy {
    /// The pod's share is done.
    Complete,
    /// The Job ends: every other pod would fail likewise.
    FailJob,
    /// The pod's share is given up, the others go on.
    FailIndex,
    /// The share is tried again, up to the Job's limit for it.
    Count,
    /// The share is tried again, without counting: nothing was wrong.
    Ignore,
}

macro_rules! codes {
    ($($id:ident = $code:literal, $name:literal, retry $retry:literal, $policy:ident, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $id: Code = Code { code: $code, name: $name, meaning: $meaning, retry: $retry, policy: Policy::$policy };
        )*
        /// Every code that the program ends with.
        pub const ALL: &[Code] = &[$($id),*];
    };
}

codes! {
    OK = 0, "OK", retry false, Complete, "everything was done";
    USAGE = 64, "USAGE", retry false, FailJob, "the command line is wrong";
    DATA = 65, "DATAERR", retry false, FailIndex, "some input is bad; the other files are done";
    DEVICE = 69, "UNAVAILABLE", retry true, Count, "no such device, or it failed and --device gpu forbids the CPU";
    INTERNAL = 70, "SOFTWARE", retry false, Count, "a defect of the program";
    IO = 74, "IOERR", retry true, Count, "reading or writing failed";
    TEMPORARY = 75, "TEMPFAIL", retry true, Count, "nothing was done for as long as --stall-timeout allows";
    CONFIG = 78, "CONFIG", retry false, FailJob, "a configuration is wrong, or the output folder has results of another flow";
    INTERRUPTED = 130, "SIGINT", retry true, Ignore, "interrupted; finished chunks are kept";
    TERMINATED = 143, "SIGTERM", retry true, Ignore, "asked to end; finished chunks are kept";
}
