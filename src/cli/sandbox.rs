//! `carepass sandbox`: the model of Google alone, on a socket, and `sandbox init`, which makes a world and the configuration that fits.
//! Not here: what the files hold (`sandbox/init`), and any other address than loopback.

use super::exit::Exit;
use super::screen::Screen;
use crate::sandbox::init::Mood;
use crate::sandbox::{self, Sandbox, Tls, World};
use anyhow::{Context as _, Result, bail};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Run the model of Google, for trying out and for tests.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SandboxArgs {
    #[command(subcommand)]
    command: Option<SandboxCommand>,
    /// The world file, as `sandbox init` writes it [default: a new one in a temporary folder]
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Where to listen, on this machine only
    #[arg(long, value_name = "ADDR", default_value = sandbox::init::LISTEN)]
    listen: SocketAddr,
    /// Speak HTTPS with this certificate chain and key (PEM), for clients that insist
    #[arg(long, num_args = 2, value_names = ["CERT", "KEY"])]
    tls: Option<Vec<PathBuf>>,
}

/// What else the sandbox can do.
#[derive(Debug, clap::Subcommand)]
enum SandboxCommand {
    /// Write a world, a key for each reseller account and a matching carepass.toml into a folder
    Init {
        /// The folder; made if it is missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Google at its worst: late, slow, inconsistent, with quotas, and with faults on the way
        #[arg(long)]
        nasty: bool,
    },
}

/// Serves, or writes the files.
pub async fn run(args: SandboxArgs, screen: &mut Screen) -> Result<Exit> {
    if let Some(SandboxCommand::Init { folder, nasty }) = args.command {
        sandbox::init::write_in(&folder, if nasty { Mood::Nasty } else { Mood::Plain })?;
        screen.say(format_args!("Written to {}. Now run, each in a terminal of its own:", folder.display()));
        screen.say(format_args!("  carepass sandbox --world {}", folder.join("world.toml").display()));
        screen.say(format_args!("  carepass serve --config {}", folder.join("carepass.toml").display()));
        screen.say(format_args!("  carepass status --token-file {}", folder.join("token").display()));
        if nasty {
            screen.say("Automatic licensing is on in nordic-dk for the sandbox's first five minutes, so accounts there get a paid");
            screen.say("licence and wait. Once it is off, carepass takes the licences away and goes on. Nobody has to do anything.");
        }
        return Ok(Exit::Done);
    }
    if !args.listen.ip().is_loopback() {
        bail!("the sandbox listens on this machine only; {} is not a loopback address", args.listen);
    }
    // Before a folder is made, which would be left behind if the files are none.
    let tls = match args.tls.as_deref() {
        Some([certificate, key]) => Some(Tls::read(certificate, key)?),
        Some(_) | None => None,
    };
    let path = match args.world {
        Some(path) => path,
        None => new_world(args.listen, tls.is_some(), screen)?,
    };
    let Some(world) = read(&path, screen)? else { return Ok(Exit::Usage) };
    serve(Sandbox::new(world), args.listen, tls, screen).await?;
    Ok(Exit::Done)
}

/// A world with all that belongs to it in a folder of its own. It stays when the sandbox ends: the daemon keeps its data there.
fn new_world(listen: SocketAddr, is_tls: bool, screen: &mut Screen) -> Result<PathBuf> {
    let unique = crate::app::random_seed()?;
    let folder = std::env::temp_dir().join(format!("carepass-sandbox-{unique:016x}"));
    make_private(&folder)?;
    sandbox::init::write(&folder)?;
    screen.say(format_args!(
        "A new world, with keys and a carepass.toml that fits, is in {}.",
        folder.display()
    ));
    screen.say(format_args!("  carepass serve --config {}", folder.join("carepass.toml").display()));
    if is_tls || listen.to_string() != sandbox::init::LISTEN {
        screen.say("  with CAREPASS__GOOGLE__ENDPOINT set to the address below");
    }
    if is_tls {
        screen.say("  and with a certificate that this machine trusts for that address");
    }
    Ok(folder.join("world.toml"))
}

fn make_private(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().mode(0o700).create(folder);
    made.with_context(|| format!("making {}", folder.display()))
}

/// Reads a world file, or names every fault in it.
fn read(path: &Path, screen: &mut Screen) -> Result<Option<World>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    match World::from_toml(&text) {
        Ok(world) => Ok(Some(world)),
        Err(faults) => {
            for fault in &faults {
                screen.note(format_args!("{}: {fault}", path.display()));
            }
            Ok(None)
        }
    }
}

/// Serves until a signal comes.
async fn serve(sandbox: Sandbox, listen: SocketAddr, tls: Option<Tls>, screen: &mut Screen) -> Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    screen.note(format_args!("The sandbox listens on {scheme}://{}", listener.local_addr()?));
    let stop = CancellationToken::new();
    let serving = async {
        match tls {
            Some(tls) => sandbox.serve_tls(listener, tls, stop.clone()).await,
            None => sandbox.serve(listener, stop.clone()).await,
        }
    };
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => served.context("the sandbox has failed")?,
        asked = super::serve::stop_signal() => {
            asked?;
            stop.cancel();
            serving.await.context("the sandbox has failed")?;
        }
    }
    Ok(())
}
