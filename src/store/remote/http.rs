//! The HTTP client for stores: the one of the crate `object_store`, which goes wherever an answer redirects it to. This one does
//! not: session tokens and signed headers would go to the other host as well.

use std::time::Duration;

use object_store::client::{HttpClient, HttpConnector};
use object_store::{ClientConfigKey as Key, ClientOptions, Error, Result};
use reqwest::redirect::Policy;
use reqwest::tls::Certificate;
use reqwest::{ClientBuilder, NoProxy, Proxy};

/// Makes clients that follow no redirect.
#[derive(Debug)]
pub struct Direct;

impl HttpConnector for Direct {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        let client = configured(options)?.build().map_err(failed)?;
        Ok(HttpClient::new(client))
    }
}

type SetTime = fn(ClientBuilder, Duration) -> ClientBuilder;

/// Client options from the environment: `object_store` keeps its own builder to itself, so each of its options is set again.
fn configured(options: &ClientOptions) -> Result<ClientBuilder> {
    let text = |key: Key| options.get_config_value(&key);
    let flag = |key: Key| text(key).is_some_and(|it| is_true(&it));
    let agent = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    // Compressed answers have another length than the object.
    let mut client = ClientBuilder::new()
        .redirect(Policy::none())
        .user_agent(text(Key::UserAgent).unwrap_or_else(|| agent.into()))
        .https_only(!flag(Key::AllowHttp))
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate();
    if let Some(url) = text(Key::ProxyUrl) {
        let mut proxy = Proxy::all(url).map_err(failed)?;
        if let Some(pem) = text(Key::ProxyCaCertificate) {
            let certificate = Certificate::from_pem(pem.as_bytes()).map_err(failed)?;
            client = client.tls_certs_merge([certificate]);
        }
        if let Some(excluded) = text(Key::ProxyExcludes) {
            proxy = proxy.no_proxy(NoProxy::from_string(&excluded));
        }
        client = client.proxy(proxy);
    }
    if flag(Key::NoSystemCertificates) {
        client = client.tls_certs_only([]);
    }
    if flag(Key::AllowInvalidCertificates) {
        client = client.danger_accept_invalid_certs(true);
    }
    if flag(Key::Http1Only) {
        client = client.http1_only();
    }
    if flag(Key::Http2Only) {
        client = client.http2_prior_knowledge();
    }
    if flag(Key::Http2KeepAliveWhileIdle) {
        client = client.http2_keep_alive_while_idle(true);
    }
    if let Some(most) = number(options, Key::PoolMaxIdlePerHost)? {
        client = client.pool_max_idle_per_host(most);
    }
    if let Some(size) = number(options, Key::Http2MaxFrameSize)? {
        client = client.http2_max_frame_size(Some(size));
    }
    let set: [(Key, SetTime); 6] = [
        (Key::Timeout, ClientBuilder::timeout),
        (Key::ConnectTimeout, ClientBuilder::connect_timeout),
        (Key::ReadTimeout, ClientBuilder::read_timeout),
        (Key::PoolIdleTimeout, |client, time| {
            client.pool_idle_timeout(time)
        }),
        (Key::Http2KeepAliveInterval, |client, time| {
            client.http2_keep_alive_interval(time)
        }),
        (
            Key::Http2KeepAliveTimeout,
            ClientBuilder::http2_keep_alive_timeout,
        ),
    ];
    for (key, set) in set {
        if let Some(text) = text(key) {
            client = set(client, duration(&text).ok_or_else(|| wrong(key, &text))?);
        }
    }
    Ok(client)
}

/// As `object_store` reads it.
fn is_true(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["1", "true", "on", "yes", "y"].contains(&text.as_str())
}

fn number<T: std::str::FromStr>(options: &ClientOptions, key: Key) -> Result<Option<T>> {
    let Some(text) = options.get_config_value(&key) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| wrong(key, &text))
}

/// A time such as `1m 30s`.
fn duration(text: &str) -> Option<Duration> {
    let parsed: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(parsed).ok()
}

fn wrong(key: Key, text: &str) -> Error {
    let source = format!("{}: found \"{text}\"", key.as_ref());
    Error::Generic {
        store: "HTTP",
        source: source.into(),
    }
}

fn failed(error: reqwest::Error) -> Error {
    Error::Generic {
        store: "HTTP",
        source: Box::new(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_they_are_written() {
        for (text, seconds) in [
            ("30s", 30.0),
            ("1m 30s", 90.0),
            ("93 seconds", 93.0),
            ("1500ms", 1.5),
            ("2h 5ms", 7200.005),
        ] {
            let expected = Some(Duration::from_secs_f64(seconds));
            assert_eq!(duration(text), expected, "{text}");
        }
        assert_eq!(duration("soon"), None);
        let options = ClientOptions::new()
            .with_timeout(Duration::from_millis(90_500))
            .with_allow_http(true);
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(configured(&options).is_ok());
        assert!(configured(&options.with_config(Key::Timeout, "soon")).is_err());
    }
}
