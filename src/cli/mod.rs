//! Floor 5: the command line, one file a command. Not here: what the daemon does (`app`), and the numbers commands end with (`exit`).

pub mod answers;
pub mod client;
mod event;
mod events_file;
pub mod exit;
mod explain;
mod order;
pub mod screen;
mod status;
pub mod table;
#[cfg(test)]
mod tests;
mod token;
mod username;

pub use exit::{Ended, Exit, Trouble};
pub use screen::Screen;

use crate::model::person::Language;
use clap::{Parser, Subcommand};
use std::convert::Infallible;

/// Gives new support engineers access to Google's Customer Care Portal in every reseller domain.
#[derive(Clone, Debug, Parser)]
#[command(name = "carepass", version, arg_required_else_help = true)]
pub struct Cli {
    /// Language of the messages: sv for Swedish, everything else is English
    #[arg(long, global = true, env = "LANG", hide_env = true, default_value = "en", value_parser = language)]
    language: Language,
    /// No colours; so does the variable `NO_COLOR` (no-color.org)
    #[arg(long, global = true, env = "NO_COLOR", hide_env = true, num_args = 0..=1, require_equals = true, default_missing_value = "1", hide_possible_values = true)]
    no_color: Option<String>,
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
enum Command {
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
pub fn run(cli: Cli) -> Exit {
    // no-color.org: set and not empty, whatever the value.
    let mut screen = Screen::standard(cli.no_color.is_some_and(|value| !value.is_empty()));
    match ended(cli.command, cli.language, &mut screen) {
        Ok(exit) => exit,
        Err(trouble) => {
            screen.note(format_args!("carepass: {trouble}"));
            trouble.exit
        }
    }
}

fn ended(command: Command, language: Language, screen: &mut Screen) -> Ended {
    match command {
        Command::Status(args) => block_on(status::run(&args, language, screen)),
        Command::Explain(args) => block_on(explain::run(&args, language, screen)),
        Command::Order(command) => block_on(order::run(&command, language, screen)),
        Command::Event(event::EventCommand::Lint(args)) => event::lint(&args, language, screen),
        Command::Event(event::EventCommand::Publish(args)) => block_on(event::publish(args, language, screen)),
        Command::Username(command) => username::run(&command, screen),
        Command::Token(command) => token::run(&command, screen),
    }
}

/// Runs a command that waits for others.
fn block_on(command: impl Future<Output = Ended>) -> Ended {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Trouble::failed(format!("the runtime cannot be started: {error}")))?.block_on(command)
}

/// The language of a tag, or of a locale as it stands in `LANG`: `sv`, `sv-SE`, `sv_SE.UTF-8`.
fn language(text: &str) -> Result<Language, Infallible> {
    let primary = text.split(['-', '_', '.']).next().unwrap_or_default();
    Ok(if primary.eq_ignore_ascii_case("sv") { Language::Swedish } else { Language::English })
}
