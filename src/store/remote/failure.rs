//! What went wrong in a store, in one line. The path is told by whoever asked.

use std::error::Error as _;
use std::io;

use object_store::Error;

/// Names of providers' errors for a bucket that is not there.
const NO_BUCKET: [&str; 2] = ["NoSuchBucket", "ContainerNotFound"];

/// The system's kind of error, and a line.
pub fn failure(error: &Error) -> io::Error {
    use io::ErrorKind as Is;
    let chain = chain(error);
    let code = between(&chain, "<Code>", "</Code>");
    let said = match (code, between(&chain, "<Message>", "</Message>")) {
        (Some(code), Some(message)) => format!(" ({code}: {})", line(message)),
        (Some(code), None) => format!(" ({code})"),
        _ => String::new(),
    };
    let tries =
        between(&chain, ", after ", " retries").map(|tries| format!(", after {tries} retries"));
    let tries = tries.unwrap_or_default();
    let no_bucket = code.is_some_and(|code| NO_BUCKET.contains(&code));
    let (kind, what) = match error {
        _ if no_bucket => (Is::NotFound, "no such bucket".to_string()),
        Error::NotFound { .. } => (Is::NotFound, "no such object".to_string()),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            (Is::PermissionDenied, format!("access denied{said}"))
        }
        Error::NotImplemented { .. } | Error::NotSupported { .. } => {
            (Is::Unsupported, "the store cannot do that".to_string())
        }
        _ if code == Some("NotImplemented") => {
            (Is::Unsupported, "the store cannot do that".to_string())
        }
        Error::AlreadyExists { .. } => (Is::AlreadyExists, "it exists already".to_string()),
        Error::Precondition { .. } => {
            let what = "the object was replaced while it was read";
            (Is::StaleNetworkFileHandle, what.to_string())
        }
        _ if code == Some("PermanentRedirect") || chain.contains("redirect without LOCATION") => {
            let what = "the bucket is in another region: set AWS_REGION";
            (Is::InvalidInput, what.to_string())
        }
        _ if chain.contains("non-2xx status code: 30") => {
            let what = "the store redirects to another address, which would get the credentials: set AWS_REGION, or AWS_ENDPOINT_URL to that address";
            (Is::InvalidInput, what.to_string())
        }
        _ if ["timed out", "deadline"]
            .iter()
            .any(|word| chain.contains(word)) =>
        {
            (Is::TimedOut, format!("no answer in time{tries}"))
        }
        _ if chain.contains("No CA certificates") => {
            let what = "no certificates on this machine: install ca-certificates, or name a file in SSL_CERT_FILE";
            (Is::InvalidInput, what.to_string())
        }
        _ if said.is_empty() => (Is::Other, format!("{}{tries}", root(error))),
        _ => (Is::Other, format!("the store refuses{said}{tries}")),
    };
    io::Error::new(kind, what)
}

/// Nobody says who this program is.
pub fn no_credentials(scheme: &str, error: Option<&Error>) -> io::Error {
    let expected = match scheme {
        "s3" => {
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role of the machine or service account"
        }
        "gs" => "GOOGLE_APPLICATION_CREDENTIALS, or a service account of the machine or pod",
        _ => "AZURE_STORAGE_ACCOUNT_KEY, or a managed identity of the machine or pod",
    };
    let reason = error.map_or("no answer".to_string(), root);
    let what = format!("no credentials: expected {expected} ({reason})");
    io::Error::new(io::ErrorKind::PermissionDenied, what)
}

/// An error with all that led to it.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

/// What led to an error in the first place.
fn root(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = error.to_string();
        next = error.source();
    }
    line(&text)
}

/// Text in one line.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}
