//! How long one engineer takes in 20 domains of 5 reseller accounts when each call to Google takes 50 ms: the time until all domains are
//! ready, against the longest chain of calls that any one domain needs one after the other. Run with `cargo bench`; it prints the ratio
//! and fails above 1.3. Not here: throughput, which Google's quotas decide.

use carepass::app::App;
use carepass::config;
use carepass::model::enrollment::{State, TargetKind};
use carepass::sandbox::{Sandbox, World, init};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const LATENCY: Duration = Duration::from_millis(50);
const RESELLERS: usize = 5;
const DOMAINS_EACH: usize = 4;
const ENGINEERS: usize = 9;
const RATIO_MAX: f64 = 1.3;
const PATIENCE: Duration = Duration::from_secs(60);
