//! Metrics over HTTP, on one thread of their own.
//!
//! Anybody who reaches the address may connect, by mistake or not, so nothing a client does may cost the run memory, file
//! descriptors or its life: headers and connections are limited in size, number and time, request bodies are never read, and a
//! panic ends one connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use super::meter::Meter;
use super::metrics;
use crate::pipeline::thread;

/// The most bytes of a request line with its headers: hyper's least.
const HEADER_BYTES: usize = 8 << 10;
/// The most headers of a request.
const HEADERS: usize = 64;
/// Limit for a client to send its headers.
const HEADER_TIME: Duration = Duration::from_secs(5);
/// Limit for a whole connection, so that a client that does not read goes as well.
const CONNECTION_TIME: Duration = Duration::from_secs(10);
/// The most connections at once.
const CONNECTIONS: usize = 32;
/// Pause after the system refused a connection: most often no file descriptor is free, and trying again at once would keep a
/// processor busy.
const PAUSE: Duration = Duration::from_millis(100);
/// Prometheus text, format 0.0.4.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Answers `GET /metrics` until the process ends.
///
/// # Errors
/// When the address is taken, or the system starts no thread.
pub fn serve(address: SocketAddr, meter: Arc<Meter>) -> io::Result<()> {
    let failed = |e: io::Error| io::Error::new(e.kind(), format!("--metrics-addr {address}: {e}"));
    start(address, meter).map_err(failed)
}

fn start(address: SocketAddr, meter: Arc<Meter>) -> io::Result<()> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _inside = runtime.enter();
        TcpListener::from_std(listener)?
    };
    thread::spawn("metrics", move || answer(&runtime, &listener, &meter))?;
    tracing::info!("metrics at http://{bound}/metrics");
    Ok(())
}

/// Accepts connections for ever; after a panic it begins again.
fn answer(runtime: &Runtime, listener: &TcpListener, meter: &Arc<Meter>) {
    loop {
        // The panic's message is in the log already.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(accept(listener, meter));
        }));
        std::thread::sleep(PAUSE);
    }
}

async fn accept(listener: &TcpListener, meter: &Arc<Meter>) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        open.retain(|connection| !connection.is_finished());
        // The oldest connection gives way: an answer takes milliseconds, so it is one that only waits, and whoever comes now is
        // not kept out by it.
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let connection = tokio::spawn(connection(stream, meter.clone()));
        open.push_back(connection.abort_handle());
        // Connections that are aborted close before the next one is accepted.
        tokio::task::yield_now().await;
    }
}

async fn connection(stream: TcpStream, meter: Arc<Meter>) {
    let service = service_fn(|request| {
        let response = response(&request, &meter);
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let mut http = http1::Builder::new();
    let served = http
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_BYTES)
        .max_header_size(HEADER_BYTES)
        .max_headers(HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Whatever ends a connection is its client's loss alone.
    let _ = tokio::time::timeout(CONNECTION_TIME, served).await;
}

fn response(request: &Request<Incoming>, meter: &Meter) -> Response<String> {
    let plain = |status: StatusCode, text: &str| respond(status, PLAIN, format!("{text}\n"));
    if !request.body().is_end_stream() {
        return plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "found a request body, expected none",
        );
    }
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "expected GET /metrics");
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "expected GET /metrics");
        let allowed = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(ALLOW, allowed);
        return refused;
    }
    respond(StatusCode::OK, PROMETHEUS, metrics::text(&meter.snapshot()))
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
