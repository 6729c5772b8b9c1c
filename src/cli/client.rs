//! The way to a running daemon's API: one small client with limits, no redirects and no proxy, which shows its token only over
//! HTTPS or on this machine. Not here: what is asked for, and how answers look (`answers`).

use super::exit::{Exit, Trouble};
use crate::model::person::Language;
use crate::model::this_machine::is_this_machine;
use clap::Args;
use reqwest::header::{ACCEPT_LANGUAGE, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

const CONNECT_MAX: Duration = Duration::from_secs(5);
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The largest answer that is read, in bytes.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// The largest token file, in bytes.
const TOKEN_FILE_MAX: u64 = 4 * 1024;

/// Things in a part of a list: an engineer with a hundred domains that wait is some 90 kB, so 200 would be more than `BODY_MAX`.
const PART: &str = "50";

/// Parts of a list that are fetched at most: 100,000 things.
const PARTS_MAX: usize = 2_000;

/// Where the daemon is, and what opens it.
#[derive(Clone, Debug, Args)]
pub struct ApiArgs {
    /// Address of the running daemon's API
    #[arg(
        long,
        value_name = "URL",
        env = "CAREPASS_API",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8080"
    )]
    pub api: String,
    /// File that holds the token
    #[arg(long, value_name = "FILE", env = "CAREPASS_TOKEN_FILE", hide_env_values = true)]
    pub token_file: Option<PathBuf>,
}

/// A client of one daemon.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<SecretString>,
    language: Language,
}

/// Why the API gave no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one that a token may be sent to.
    #[error("--api {0}")]
    Address(&'static str),
    /// The token file cannot be used.
    #[error("the token file {} cannot be used: {why}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Nobody answers.
    #[error("no answer from carepass at {base}: {why}. Is `carepass serve` running, and is --api right?")]
    Unreachable {
        /// The address.
        base: String,
        /// The cause.
        why: String,
    },
    /// It answered, and refused.
    #[error("{problem}")]
    Refused {
        /// The status.
        status: u16,
        /// What it said.
        problem: ProblemAnswer,
    },
    /// It answered something else than this version reads.
    #[error("the answer of {base} cannot be read ({why}). Is it carepass, and of the same version?")]
    Unreadable {
        /// The address.
        base: String,
        /// The cause.
        why: String,
    },
}

/// A problem as the API tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ProblemAnswer {
    /// The stable word.
    #[serde(default)]
    pub code: String,
    /// A probe's refusal has none.
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<FaultAnswer>,
    required_role: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct FaultAnswer {
    place: String,
    detail: String,
}

/// A part of a list.
#[derive(Deserialize)]
struct Part {
    items: Vec<Value>,
    next_cursor: Option<String>,
}

impl std::fmt::Display for ProblemAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}. {}", self.title, self.detail)?;
        if let Some(role) = &self.required_role {
            write!(f, " ({role})")?;
        }
        self.errors.iter().try_for_each(|fault| write!(f, "\n  {}: {}", fault.place, fault.detail))
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Address(_) | ClientError::TokenFile { .. } => Exit::Usage,
            ClientError::Refused { problem, .. } if problem.code == "store_unavailable" => Exit::Unreachable,
            ClientError::Unreachable { .. } => Exit::Unreachable,
            ClientError::Refused { .. } | ClientError::Unreadable { .. } => Exit::Failed,
        };
        Self { exit, text: error.to_string() }
    }
}

impl Client {
    /// A client for these arguments; reads the token file.
    ///
    /// # Errors
    /// When the address or the token file cannot be used.
    pub fn new(args: &ApiArgs, language: Language) -> Result<Self, ClientError> {
        let base = address(&args.api)?;
        let token = args.token_file.as_deref().map(read_token).transpose()?;
        // Fails only when a provider is installed already, and then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_MAX)
            .timeout(ANSWER_MAX)
            .user_agent(concat!("carepass/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ClientError::Unreachable { base: base.to_string(), why: cause(&error) })?;
        Ok(Self { http, base, token, language })
    }

    /// Reads something.
    ///
    /// # Errors
    /// When there is no answer, or it is a refusal.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, ClientError> {
        self.send(self.request(Method::GET, path).query(query)).await
    }

    /// Reads a whole list, part by part.
    ///
    /// # Errors
    /// As for [`Client::get`], and when the list never ends.
    pub async fn list(&self, path: &[&str], filter: &[(&str, &str)]) -> Result<Vec<Value>, ClientError> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        for _ in 0..PARTS_MAX {
            let query: Vec<_> =
                filter.iter().copied().chain([("limit", PART), ("cursor", cursor.as_str())]).collect();
            let part: Part = self.read(self.get(path, &query).await?)?;
            items.extend(part.items);
            match part.next_cursor {
                Some(next) => cursor = next,
                None => return Ok(items),
            }
        }
        Err(self.unreadable("the list has no end"))
    }

    /// Sends an order.
    ///
    /// # Errors
    /// When there is no answer, or it is a refusal.
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, ClientError> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Reads an answer into what this version knows of it.
    ///
    /// # Errors
    /// When it has another shape.
    pub fn read<T: DeserializeOwned>(&self, value: Value) -> Result<T, ClientError> {
        serde_json::from_value(value).map_err(|error| self.unreadable(&error.to_string()))
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let language = match self.language {
            Language::English => "en",
            Language::Swedish => "sv",
        };
        let request = self.http.request(method, url).header(ACCEPT_LANGUAGE, language);
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, ClientError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let json =
            response.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().ends_with(b"json"));
        let body = self.body(response).await?;
        if !json {
            return Err(self.unreadable(&format!("status {status}, and no JSON")));
        }
        let value: Value =
            serde_json::from_slice(&body).map_err(|error| self.unreadable(&error.to_string()))?;
        if status.is_success() {
            return Ok(value);
        }
        Err(ClientError::Refused { status: status.as_u16(), problem: self.read(value)? })
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > BODY_MAX {
                return Err(self.unreadable("it is larger than 16 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        ClientError::Unreachable { base: self.base.to_string(), why: cause(error) }
    }

    fn unreadable(&self, why: &str) -> ClientError {
        ClientError::Unreadable { base: self.base.to_string(), why: why.to_owned() }
    }
}

/// The innermost cause, which is the one that says something ("Connection refused").
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// HTTPS to anywhere, plain HTTP only to this machine: the token travels in the request.
fn address(text: &str) -> Result<Url, ClientError> {
    let url =
        Url::parse(text).map_err(|_| ClientError::Address("is no address like http://127.0.0.1:8080"))?;
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(ClientError::Address(
            "must have neither user, query nor fragment; the token comes from --token-file",
        ));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if url.host_str().is_some_and(is_this_machine) => Ok(url),
        "http" => Err(ClientError::Address("must be https: over http the token could be read on the way")),
        _ => Err(ClientError::Address("must begin with http:// or https://")),
    }
}

fn read_token(path: &Path) -> Result<SecretString, ClientError> {
    let unusable = |why: String| ClientError::TokenFile { path: path.to_owned(), why };
    let length = std::fs::metadata(path).map_err(|error| unusable(error.to_string()))?.len();
    if length > TOKEN_FILE_MAX {
        return Err(unusable("it is larger than a token".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(unusable("it must hold the token alone, on one line".to_owned()));
    }
    Ok(token.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_travel_only_in_private() {
        for good in [
            "http://127.0.0.1:8080",
            "http://localhost:1/",
            "http://[::1]:8080",
            "https://carepass.example/x",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://carepass.example",
            "http://127.0.0.1.evil.example",
            "ftp://127.0.0.1",
            "127.0.0.1:8080",
            "https://a:b@x.example",
            "https://x.example/?a",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_daemon_that_is_not_there_has_an_exit_code_of_its_own() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let api = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        let client = Client::new(&ApiArgs { api, token_file: None }, Language::English).unwrap();
        let trouble = Trouble::from(client.get(&["v1", "engineers"], &[]).await.unwrap_err());
        assert_eq!(trouble.exit, Exit::Unreachable, "{trouble}");
        assert!(trouble.text.contains("Is `carepass serve` running"), "{trouble}");
    }

    #[test]
    fn a_token_file_holds_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (text, good) in
            [("abc\n", true), ("a b", false), ("", false), ("a\nb", false), (&"x".repeat(5000), false)]
        {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read_token(&path).is_ok(), good, "{text}");
        }
        assert!(read_token(&folder.path().join("none")).is_err());
    }

    #[test]
    fn a_problem_reads_like_a_sentence() {
        let problem: ProblemAnswer = serde_json::from_value(serde_json::json!({
            "type": "x", "status": 400, "code": "invalid_request", "title": "The request has faults", "detail": "Mend it.",
            "errors": [{ "place": "/reason", "detail": "is missing" }]
        }))
        .unwrap();
        assert_eq!(problem.to_string(), "The request has faults. Mend it.\n  /reason: is missing");
        let refused = ClientError::Refused {
            status: 503,
            problem: ProblemAnswer { code: "store_unavailable".into(), ..problem },
        };
        assert_eq!(Trouble::from(refused).exit, Exit::Unreachable);
    }

    /// Two hundred engineers of a hundred waiting domains each, 18 MB together, from a server that gives as many as are asked for.
    #[tokio::test]
    async fn a_long_list_of_large_things_is_read() {
        use axum::extract::Query;
        use std::collections::BTreeMap;
        const THINGS: usize = 200;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        let list = |Query(query): Query<BTreeMap<String, String>>| async move {
            let number =
                |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
            let (from, until) = (number("cursor"), (number("cursor") + number("limit")).min(THINGS));
            let items: Vec<String> = (from..until).map(|_| "x".repeat(90_000)).collect();
            let next = (until < THINGS).then(|| until.to_string());
            axum::Json(serde_json::json!({ "items": items, "next_cursor": next }))
        };
        let router = axum::Router::new().route("/v1/engineers", axum::routing::get(list));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = Client::new(&ApiArgs { api, token_file: None }, Language::English).unwrap();
        let things = client.list(&["v1", "engineers"], &[]).await.unwrap();
        assert_eq!(things.len(), THINGS);
    }
}
