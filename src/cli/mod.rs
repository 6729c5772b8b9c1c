//! Floor 5: the command line, one file a command. Not here: what the daemon does (`app`), and the numbers commands end with (`exit`).

mod answers;
mod check;
mod client;
mod demo;
mod event;
mod events_file;
mod exit;
mod explain;
mod order;
mod roll;
mod sandbox;
mod screen;
mod serve;
mod speech;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod username;

pub use exit::Exit;

use clap::{Parser, Subcommand};
use exit::Ended;
use screen::Screen;

/// Gives new support engineers access to Google's Customer Care Portal in every reseller domain.
#[derive(Debug, Parser)]
#[command(name = "carepass", version, arg_required_else_help = true)]
pub struct Cli {
    /// No colours; so does the variable `NO_COLOR` (no-color.org)
    #[arg(long, global = true, env = "NO_COLOR", hide_env = true, num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    no_color: Option<String>,
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Check(check::Check),
    Sandbox(sandbox::SandboxArgs),
    /// One line for each engineer
    Status(status::StatusArgs),
    /// One engineer in plain words
    Explain(explain::ExplainArgs),
    /// Decide something about an engineer or a reseller account
    #[command(subcommand)]
    Order(order::OrderCommand),
    /// Check and publish events of the HR system
    #[command(subcommand)]
    Event(event::EventCommand),
    /// Try out usernames
    #[command(subcommand)]
    Username(username::UsernameCommand),
    /// Tokens of the API
    #[command(subcommand)]
    Token(token::TokenCommand),
}

/// Runs a command to its end.
///
/// # Errors
/// When it failed in a way that it has not told itself.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    // no-color.org: set and not empty, whatever the value.
    let mut screen = Screen::standard(cli.no_color.is_some_and(|value| !value.is_empty()));
    let ended = match cli.command {
        Command::Demo(args) => return demo::run(args, &mut screen).await,
        Command::Serve(args) => return serve::run(args, &mut screen).await,
        Command::Check(args) => return Ok(check::run(&args, &mut screen)),
        Command::Sandbox(args) => return sandbox::run(args, &mut screen).await,
        Command::Status(args) => status::run(&args, &mut screen).await,
        Command::Explain(args) => explain::run(&args, &mut screen).await,
        Command::Order(command) => order::run(&command, &mut screen).await,
        Command::Event(event::EventCommand::Lint(args)) => event::lint(&args, &mut screen),
        Command::Event(event::EventCommand::Publish(args)) => event::publish(args, &mut screen).await,
        Command::Username(command) => username::run(&command, &mut screen),
        Command::Token(command) => token::run(&command, &mut screen),
    };
    Ok(told(ended, &mut screen))
}

/// Says why a command failed that has not told it itself.
pub fn failed(error: &anyhow::Error) -> Exit {
    Screen::standard(true).note(format_args!("carepass: {error:#}"));
    Exit::Failed
}

/// Says why a command could not go on, and gives how it ended.
fn told(ended: Ended, screen: &mut Screen) -> Exit {
    ended.unwrap_or_else(|trouble| {
        screen.note(format_args!("carepass: {trouble}"));
        trouble.exit
    })
}
