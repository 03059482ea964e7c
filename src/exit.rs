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
}

macro_rules! codes {
    ($($id:ident = $code:literal, $name:literal, retry $retry:literal, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $id: Code = Code { code: $code, name: $name, meaning: $meaning, retry: $retry };
        )*
        /// Every code that the program ends with.
        pub const ALL: &[Code] = &[$($id),*];
    };
}

codes! {
    OK = 0, "OK", retry false, "everything was done";
    USAGE = 64, "USAGE", retry false, "the command line is wrong";
    DATA = 65, "DATAERR", retry false, "some input is bad; the other files are done";
    DEVICE = 69, "UNAVAILABLE", retry true, "no such device, or it failed and --device gpu forbids the CPU";
    INTERNAL = 70, "SOFTWARE", retry false, "a defect of the program";
    IO = 74, "IOERR", retry true, "reading or writing failed";
    TEMPORARY = 75, "TEMPFAIL", retry true, "busy: another run holds the output folder";
    CONFIG = 78, "CONFIG", retry false, "a configuration is wrong";
    INTERRUPTED = 130, "SIGINT", retry true, "interrupted; finished chunks are kept";
    TERMINATED = 143, "SIGTERM", retry true, "asked to end; finished chunks are kept";
}
