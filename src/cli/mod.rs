//! Floor 5: the command line. One file a command; each answers with an [`Exit`]. Not here: anything that decides.

mod check;
mod demo;
mod exit;
mod roll;
mod sandbox;
mod screen;
mod serve;
mod table;

pub use exit::Exit;

use clap::{Parser, Subcommand};

/// Gives support engineers access to Google's Customer Care Portal in every reseller domain.
#[derive(Debug, Parser)]
#[command(name = "carepass", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Check(check::Check),
    Sandbox(sandbox::SandboxArgs),
}

/// Runs the command.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Check(args) => Ok(check::run(&args)),
        Command::Sandbox(args) => sandbox::run(args).await,
    }
}
