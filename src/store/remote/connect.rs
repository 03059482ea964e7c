//! Connections to stores. Who may use them is said by the environment alone, in the variables of each provider.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, Error, ObjectStore, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use super::failure::{failure, no_credentials};
use super::http::Direct;

/// Threads that talk to stores.
const THREADS: usize = 2;
/// Until credentials are missed: where the environment names none, each provider's metadata service is asked, and outside its
/// cloud that does not answer.
const CREDENTIALS: Duration = Duration::from_secs(20);
/// How often a request is tried again that a store could not serve, and for how long.
const RETRIES: usize = 8;
const RETRY_FOR: Duration = Duration::from_secs(120);

type Key = (&'static str, String);

/// The store of a bucket: made once.
pub fn store(scheme: &'static str, bucket: &str) -> io::Result<Arc<dyn ObjectStore>> {
    static STORES: OnceLock<Mutex<HashMap<Key, Arc<dyn ObjectStore>>>> = OnceLock::new();
    let stores = STORES.get_or_init(Mutex::default);
    let mut stores = stores.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (scheme, bucket.to_string());
    if let Some(store) = stores.get(&key) {
        return Ok(store.clone());
    }
    let store = connect(scheme, bucket)?;
    stores.insert(key, store.clone());
    Ok(store)
}

/// Where requests run.
pub fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let mut builder = Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(THREADS)
        .thread_name("object-store")
        .enable_all()
        .build()?;
    // Of two that were made at once, one stays.
    Ok(RUNTIME.get_or_init(|| runtime))
}

fn connect(scheme: &'static str, bucket: &str) -> io::Result<Arc<dyn ObjectStore>> {
    // There may be one already; all of them are alike.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: RETRY_FOR,
    };
    // The same for each provider: none of the builders shares a trait with another.
    macro_rules! connected {
        ($store:expr, $anonymous:literal) => {{
            let store = $store.map_err(|e| unbuilt(scheme, &e))?;
            if std::env::var_os($anonymous).is_none() {
                let found = runtime()?.block_on(async {
                    let found = store.credentials().get_credential();
                    tokio::time::timeout(CREDENTIALS, found).await
                });
                match found {
                    Ok(Ok(_)) => {}
                    Ok(Err(e)) => return Err(no_credentials(scheme, Some(&e))),
                    Err(_) => return Err(no_credentials(scheme, None)),
                }
            }
            Ok(Arc::new(store))
        }};
    }
    match scheme {
        "s3" => connected!(
            AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .with_retry(retry)
                .with_http_connector(Direct)
                .build(),
            "AWS_SKIP_SIGNATURE"
        ),
        "gs" => connected!(
            GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(bucket)
                .with_retry(retry)
                .with_http_connector(Direct)
                .build(),
            "GOOGLE_SKIP_SIGNATURE"
        ),
        _ => connected!(
            MicrosoftAzureBuilder::from_env()
                .with_container_name(bucket)
                .with_retry(retry)
                .with_http_connector(Direct)
                .build(),
            "AZURE_SKIP_SIGNATURE"
        ),
    }
}

/// What the environment says is not enough, or makes no sense.
fn unbuilt(scheme: &str, error: &Error) -> io::Error {
    let text = failure(error).to_string();
    let what = match scheme {
        "az" if text.contains("Account") => {
            "no storage account: set AZURE_STORAGE_ACCOUNT_NAME".to_string()
        }
        _ => text,
    };
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
