//! A real browser without a window, by its own protocol (Chrome DevTools) over a local WebSocket.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

const NAMES: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
];
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Browser {
    process: Child,
    socket: WebSocket<TcpStream>,
    /// The page's.
    session: String,
    count: u64,
    /// What the page reported by itself.
    events: VecDeque<Value>,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The browser on this machine: `DISTPY_GPU_CHROMIUM`, or a known name on the path.
fn installed() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("DISTPY_GPU_CHROMIUM") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut places = NAMES
        .iter()
        .flat_map(|n| folders.iter().map(move |f| f.join(n)));
    places.find(|place| place.is_file())
}

impl Browser {
    /// Starts one; `None` where there is none, unless the environment requires it.
    pub fn start() -> Option<Self> {
        let Some(program) = installed() else {
            let required = std::env::var("DISTPY_GPU_TESTS").is_ok_and(|v| v == "require");
            assert!(!required, "found no browser, expected one of {NAMES:?}");
            eprintln!("skipped: found no browser, expected one of {NAMES:?}");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let process = Command::new(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--disable-dev-shm-usage", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let file = profile.path().join("DevToolsActivePort");
        let begun = Instant::now();
        // Two lines: the port, and the path of the browser's own socket.
        let (port, path) = loop {
            assert!(begun.elapsed() < PATIENCE, "the browser did not start");
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            match text.split_once('\n') {
                Some((port, path)) if !path.is_empty() => {
                    break (port.to_string(), path.trim().to_string());
                }
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Pictures of the page are long messages.
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let address = format!("ws://127.0.0.1:{port}{path}");
        let (socket, _) =
            tungstenite::client::client_with_config(address, stream, Some(config)).unwrap();
        let mut browser = Self {
            process,
            socket,
            session: String::new(),
            count: 0,
            events: VecDeque::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().unwrap().to_string();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Asks for something and waits for the answer.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.count += 1;
        let mut message = json!({"id": self.count, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.socket
            .send(Message::text(message.to_string()))
            .unwrap();
        loop {
            let answer = self.next();
            if answer["id"] == json!(self.count) {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push_back(answer);
        }
    }

    fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Opens a file in a page of so many pixels, and waits until it has loaded and been drawn.
    pub fn open(&mut self, path: &Path, (width, height): (u32, u32)) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", size);
        self.events.clear();
        self.call(
            "Page.navigate",
            json!({"url": format!("file://{}", path.display())}),
        );
        while !self
            .events
            .iter()
            .any(|e| e["method"] == "Page.loadEventFired")
        {
            let event = self.next();
            self.events.push_back(event);
        }
        self.settle();
    }

    /// Waits for what the page still has to draw.
    fn settle(&mut self) {
        let frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))";
        self.call(
            "Runtime.evaluate",
            json!({"expression": frames, "awaitPromise": true}),
        );
    }

    /// What an expression gives in the page.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", params);
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {answer}"
        );
        self.settle();
        answer["result"]["value"].clone()
    }

    pub fn text(&mut self, selector: &str) -> String {
        let found = self.evaluate(&format!("document.querySelector('{selector}').textContent"));
        found.as_str().unwrap().to_string()
    }

    /// Left, top, width and height of an element in the window, which is scrolled to it.
    pub fn place(&mut self, selector: &str) -> [f64; 4] {
        let found = self.evaluate(&format!(
            "(e => {{ e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; }})(document.querySelector('{selector}'))"
        ));
        std::array::from_fn(|k| found[k].as_f64().unwrap())
    }

    pub fn mouse(&mut self, kind: &str, (x, y): (f64, f64), more: Value) {
        let mut params = json!({"type": kind, "x": x, "y": y});
        for (key, value) in more.as_object().unwrap() {
            params[key] = value.clone();
        }
        self.call("Input.dispatchMouseEvent", params);
        self.settle();
    }

    pub fn click(&mut self, selector: &str) {
        let [x, y, width, height] = self.place(selector);
        let middle = (x + width / 2.0, y + height / 2.0);
        let once = json!({"button": "left", "clickCount": 1});
        self.mouse("mousePressed", middle, once.clone());
        self.mouse("mouseReleased", middle, once);
    }

    pub fn key(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Escape" => 27,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            other => panic!("no code for {other}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let params =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", params);
        }
        self.settle();
    }

    /// A canvas as the bytes of a picture.
    pub fn picture(&mut self, selector: &str) -> Vec<u8> {
        let expression = format!("document.querySelector('{selector}').toDataURL('image/png')");
        let address = self.evaluate(&expression);
        let (_, data) = address.as_str().unwrap().split_once(',').unwrap();
        STANDARD.decode(data).unwrap()
    }

    /// The colour of a canvas at a place inside it.
    pub fn pixel(&mut self, selector: &str, (x, y): (f64, f64)) -> [u8; 3] {
        let found = self.evaluate(&format!(
            "Array.from(document.querySelector('{selector}').getContext('2d').getImageData({}, {}, 1, 1).data)",
            x.round(),
            y.round()
        ));
        std::array::from_fn(|k| found[k].as_u64().unwrap() as u8)
    }

    /// Checks what the page did beside what it was asked for: no complaint of a script, nothing from the network.
    pub fn end(mut self) {
        self.settle();
        for event in &self.events {
            let params = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.exceptionThrown" => panic!("{event}"),
                "Runtime.consoleAPICalled" => assert_ne!(params["type"], "error", "{event}"),
                "Log.entryAdded" => assert_ne!(params["entry"]["level"], "error", "{event}"),
                "Network.requestWillBeSent" => {
                    let url = params["request"]["url"].as_str().unwrap_or_default();
                    let own = url.starts_with("file:") || url.starts_with("data:");
                    assert!(own, "asked the network for {url}");
                }
                _ => {}
            }
        }
    }
}
