//! A real Chromium without a window, by the few words of `WebDriver` (W3C) that the test needs, and what Chromium says beside them. Small
//! enough to be ours: the crates for it bring a licence that `deny.toml` does not allow, or a second HTTP client. Not here: what is tested.

use base64::Engine as _;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long anything may take to come about, on a slow machine too.
const PATIENCE: Duration = Duration::from_mins(1);

/// How `WebDriver` names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that are no letters (`WebDriver`, 17.4.2).
pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";

/// A browser and its driver; both end with it.
pub struct Chromium {
    session: String,
    http: reqwest::Client,
    /// Chromium's own files; with the driver's process they go when this goes.
    _profile: TempDir,
    _driver: Child,
}

impl Chromium {
    /// Starts one.
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver can be run; ./test installs it");
        let mut lines = BufReader::new(driver.stdout.take().expect("it is piped")).lines();
        let port = loop {
            let line = lines.next_line().await.expect("text").expect("chromedriver says its port");
            if let Some(port) = line.strip_prefix("ChromeDriver was started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        let profile = tempfile::tempdir().expect("a folder");
        let arguments = [
            // Root has no sandbox in a container; what is opened here is our own.
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-extensions".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--no-proxy-server".to_owned(),
            "--lang=en".to_owned(),
            "--window-size=1280,900".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let wishes = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments, "prefs": { "intl.accept_languages": "en" } },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let base = format!("http://127.0.0.1:{port}/session");
        let answer = call(http.post(&base).json(&wishes)).await.unwrap_or_else(|error| panic!("{error}"));
        let id = answer["sessionId"].as_str().expect("an id").to_owned();
        Self { session: format!("{base}/{id}"), http, _profile: profile, _driver: driver }
    }

    /// Opens an address and waits until it is loaded.
    pub async fn open(&self, url: &str) {
        self.post("url", json!({ "url": url })).await;
    }

    /// Where it is.
    pub async fn address(&self) -> String {
        let value = call(self.http.get(format!("{}/url", self.session))).await;
        value.expect("an address").as_str().expect("text").to_owned()
    }

    /// Runs a function's body in the page and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.post("execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Waits until a script returns something true, and gives it.
    pub async fn until(&self, what: &str, script: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let value = self.try_run(script).await.unwrap_or(Value::Null);
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return value;
            }
            assert!(Instant::now() < end, "never came about: {what}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks on the first element of a selector.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.post(&format!("element/{element}/click"), json!({})).await;
    }

    /// Writes into the first element of a selector.
    pub async fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.post(&format!("element/{element}/value"), json!({ "text": text })).await;
    }

    /// Presses a key, wherever the keyboard is.
    pub async fn press(&self, key: &str) {
        let actions = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        self.post("actions", json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }))
            .await;
    }

    /// Has the page be seen so: a width in pixels, dark or light.
    pub async fn look(&self, width: u32, is_dark: bool) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// Keeps a picture of the whole page.
    pub async fn picture(&self, file: &Path) {
        let wish = json!({ "format": "png", "captureBeyondViewport": true });
        let answer = self.devtools("Page.captureScreenshot", wish).await;
        let data = answer["data"].as_str().expect("a picture");
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).expect("base64");
        std::fs::write(file, bytes).expect("a picture can be written");
    }

    /// What the browser has complained about since it was asked last: scripts that fail, what the policy has refused, what is not there.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.post("se/log", json!({ "type": "browser" })).await;
        let lines = log.as_array().cloned().unwrap_or_default();
        lines.iter().filter_map(|line| line["message"].as_str().map(str::to_owned)).collect()
    }

    /// Ends the browser.
    pub async fn close(self) {
        let _ = call(self.http.delete(&self.session)).await;
    }

    async fn devtools(&self, method: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", json!({ "cmd": method, "params": parameters })).await
    }

    async fn element(&self, selector: &str) -> String {
        let wish = json!({ "using": "css selector", "value": selector });
        let found = self.post("element", wish).await;
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no {selector}")).to_owned()
    }

    async fn try_run(&self, script: &str) -> Result<Value, String> {
        let body = json!({ "script": script, "args": [] });
        call(self.http.post(format!("{}/execute/sync", self.session)).json(&body)).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = call(self.http.post(format!("{}/{path}", self.session)).json(&body)).await;
        answer.unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }
}

async fn call(request: reqwest::RequestBuilder) -> Result<Value, String> {
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let (is_well, text) =
        (answer.status().is_success(), answer.text().await.map_err(|error| error.to_string())?);
    let body: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if is_well { Ok(body["value"].clone()) } else { Err(body["value"]["message"].to_string()) }
}
