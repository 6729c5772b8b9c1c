//! `carepass check`: the configuration, all faults at once. Not here: asking store, broker and Google (`check_online`).

use super::check_online;
use super::exit::Exit;
use super::screen::Screen;
use super::serve::load;
use anyhow::Result;
use std::path::PathBuf;

/// Check the configuration and every file it names; with --online also store, broker and Google. Nothing is started or written
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Configuration files, the later the stronger
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    config: Vec<PathBuf>,
    /// Look at store, broker and every reseller account as well, without writing anything
    #[arg(long)]
    online: bool,
    /// Print JSON; goes with --online
    #[arg(long, requires = "online", display_order = super::LAST)]
    json: bool,
}

/// Names every fault, or says what was found to be in order.
pub async fn run(args: &Check, screen: &mut Screen) -> Result<Exit> {
    let Some(config) = load(&args.config, screen) else { return Ok(Exit::Usage) };
    for warning in config.warnings() {
        screen.note(format_args!("Warning: {warning}"));
    }
    if args.json {
        return check_online::run(&config, true, screen).await;
    }
    screen.say(format_args!("The configuration is in order: {} reseller accounts.", config.resellers.len()));
    for section in &config.resellers {
        screen.say(format_args!(
            "  {} ({}), acting as {}",
            section.reseller.name, section.reseller.customer, section.reseller.admin
        ));
    }
    if args.online { check_online::run(&config, false, screen).await } else { Ok(Exit::Done) }
}
