//! Floor 5: the command line, one file a command. Not here: what the daemon does (`app`), and the numbers commands end with (`exit`).

mod answers;
mod check;
mod check_online;
mod client;
mod completions;
mod config_show;
mod dead;
mod demo;
mod driven;
mod engineer;
mod event;
mod event_hints;
mod event_key;
mod events_file;
mod exit;
mod explain;
mod health;
mod import;
mod ledger;
mod ledger_database;
mod ledger_source;
mod man;
mod memory;
mod order;
mod plan;
mod probe;
mod report;
mod roll;
mod sandbox;
mod screen;
mod serve;
mod speech;
mod status;
mod store;
mod store_migrate;
mod supervisor;
mod table;
mod task;
#[cfg(test)]
mod tests;
mod token;
mod username;

pub use exit::Exit;
pub use memory::close_memory;

use clap::{Parser, Subcommand};
use exit::Ended;
use screen::Screen;

/// Give new support engineers access to Google's Customer Care Portal in every reseller domain.
#[derive(Debug, Parser)]
#[command(name = "carepass", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// No colours, in logs neither; the variable `NO_COLOR` does the same
    #[arg(long, global = true, display_order = LAST)]
    no_color: bool,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Begin with `carepass demo --once`, which needs nothing else.
Exit codes: 0 done, 1 failed, 2 called wrongly or a faulty configuration, 3 partly done, 4 a person has to act, \
5 Google not reached, 6 broker, store or daemon not reached, 7 held by a limit.";

/// The place of what every command has: behind its own options.
const LAST: usize = 900;

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Check(check::Check),
    Plan(plan::PlanArgs),
    Probe(probe::ProbeArgs),
    Sandbox(sandbox::SandboxArgs),
    Health(health::HealthArgs),
    /// Show one line for each engineer
    Status(status::StatusArgs),
    /// Explain one engineer in plain words
    Explain(explain::ExplainArgs),
    /// Show engineers as tables, each domain by itself
    #[command(subcommand)]
    Engineer(engineer::EngineerCommand),
    /// Decide something about an engineer or a reseller account
    #[command(subcommand)]
    Order(order::OrderCommand),
    /// Show what only a person can do, and say that it was done
    #[command(subcommand)]
    Task(task::TaskCommand),
    /// Show messages that could not be used, and take them up again
    #[command(subcommand)]
    Dead(dead::DeadCommand),
    /// Verify the ledger, and mend one that is damaged
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Report from the ledger: access, times, seats, evidence
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// Back up and restore the store
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Show the configuration as carepass reads it
    #[command(subcommand)]
    Config(config_show::ConfigCommand),
    /// Check and publish events of the HR system
    #[command(subcommand)]
    Event(event::EventCommand),
    /// Try out usernames
    #[command(subcommand)]
    Username(username::UsernameCommand),
    /// Make tokens for the API
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Print what a shell needs to complete commands and options
    Completions(completions::CompletionsArgs),
    /// Print the manual, or write a page for each command
    Man(man::ManArgs),
}

/// Runs a command to its end.
///
/// # Errors
/// When it failed in a way that it has not told itself.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let mut screen = Screen::standard(cli.no_color || crate::config::is_color_unwanted());
    let ended = match cli.command {
        Command::Demo(args) => return demo::run(args, &mut screen).await,
        Command::Serve(args) => return serve::run(args, &mut screen).await,
        Command::Check(args) => return check::run(&args, &mut screen).await,
        Command::Probe(args) => return probe::run(&args, &mut screen).await,
        Command::Sandbox(args) => return sandbox::run(args, &mut screen).await,
        Command::Health(args) => health::run(&args, &mut screen).await,
        Command::Plan(args) => plan::run(&args, &mut screen).await,
        Command::Status(args) => status::run(&args, &mut screen).await,
        Command::Explain(args) => explain::run(&args, &mut screen).await,
        Command::Engineer(command) => engineer::run(&command, &mut screen).await,
        Command::Order(command) => order::run(&command, &mut screen).await,
        Command::Task(command) => task::run(&command, &mut screen).await,
        Command::Dead(command) => dead::run(&command, &mut screen).await,
        Command::Ledger(command) => ledger::run(&command, &mut screen).await,
        Command::Report(command) => report::run(&command, &mut screen).await,
        Command::Store(command) => store::run(&command, &mut screen).await,
        Command::Config(command) => Ok(config_show::run(&command, &mut screen)),
        Command::Event(event::EventCommand::Lint(args)) => event::lint(&args, &mut screen),
        Command::Event(event::EventCommand::Publish(args)) => event::publish(args, &mut screen).await,
        Command::Event(event::EventCommand::Keygen(args)) => event_key::keygen(&args, &mut screen),
        Command::Event(event::EventCommand::Import(args)) => import::run(args, &mut screen).await,
        Command::Username(command) => username::run(&command, &mut screen).await,
        Command::Token(command) => token::run(&command, &mut screen),
        Command::Completions(args) => Ok(completions::run(&args, &mut screen)),
        Command::Man(args) => man::run(&args, &mut screen),
    };
    Ok(told(ended, &mut screen))
}

/// Says why a command failed that has not told it itself.
pub fn failed(error: &anyhow::Error) -> Exit {
    Screen::standard(true).note(format_args!("carepass: {error:#}"));
    error.into()
}

/// Says why a command could not go on, and gives how it ended.
fn told(ended: Ended, screen: &mut Screen) -> Exit {
    ended.unwrap_or_else(|trouble| {
        screen.note(format_args!("carepass: {trouble}"));
        trouble.exit
    })
}
