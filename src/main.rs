//! The binary: one command in, one exit code out. Everything else is in the library.

#![forbid(unsafe_code)]

use carepass::cli::{self, Cli};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The HTTP client is built without a crypto provider of its own and would panic without this.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[cfg(debug_assertions)]
    carepass::config::arm_crash_point();
    if let Err(error) = cli::close_memory() {
        return cli::failed(&error.into()).into();
    }
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cli::failed(&error.into()).into(),
    };
    let ended = runtime.block_on(cli::run(cli));
    // What was not waited for may hang in a disk or a name server: the end does not.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => cli::failed(&error).into(),
    }
}
