//! `carepass sandbox`: the model of Google alone, on a socket, and `sandbox init`, which makes a world and the configuration that fits.

use super::exit::Exit;
use super::screen::Screen;
use crate::sandbox::{self, Sandbox, World};
use anyhow::{Context as _, Result, bail};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Run the model of Google, for trying out and for tests.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SandboxArgs {
    #[command(subcommand)]
    command: Option<SandboxCommand>,
    /// The world file, as `sandbox init` writes it
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Where to listen, on this machine only
    #[arg(long, value_name = "ADDR", default_value = sandbox::init::LISTEN)]
    listen: SocketAddr,
}

/// What else the sandbox can do.
#[derive(Debug, clap::Subcommand)]
enum SandboxCommand {
    /// Write a world, a key for each reseller account and a matching carepass.toml into a folder
    Init {
        /// The folder; made if it is missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Serves, or writes the files.
pub async fn run(args: SandboxArgs, screen: &mut Screen) -> Result<Exit> {
    if let Some(SandboxCommand::Init { folder }) = args.command {
        sandbox::init::write(&folder)?;
        screen.say(format_args!("Written to {}. Now run, each in a terminal of its own:", folder.display()));
        screen.say(format_args!("  carepass sandbox --world {}", folder.join("world.toml").display()));
        screen.say(format_args!("  carepass serve --config {}", folder.join("carepass.toml").display()));
        screen.say(format_args!("  carepass status --token-file {}", folder.join("token").display()));
        return Ok(Exit::Done);
    }
    let Some(path) = args.world else {
        screen.note("Name a world with --world FILE, or make one with `carepass sandbox init DIR`.");
        return Ok(Exit::Usage);
    };
    if !args.listen.ip().is_loopback() {
        bail!("the sandbox listens on this machine only; {} is not a loopback address", args.listen);
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let world = match World::from_toml(&text) {
        Ok(world) => world,
        Err(faults) => {
            for fault in &faults {
                screen.note(format_args!("{}: {fault}", path.display()));
            }
            return Ok(Exit::Usage);
        }
    };
    let listener =
        TcpListener::bind(args.listen).await.with_context(|| format!("listening on {}", args.listen))?;
    screen.note(format_args!("The sandbox listens on http://{}", listener.local_addr()?));
    let stop = CancellationToken::new();
    let serving = Sandbox::new(world).serve(listener, stop.clone());
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => served.context("the sandbox has failed")?,
        asked = super::serve::stop_signal() => {
            asked?;
            stop.cancel();
            serving.await.context("the sandbox has failed")?;
        }
    }
    Ok(Exit::Done)
}
