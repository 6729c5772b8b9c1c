//! `carepass check`: the configuration, all faults at once. Not here: asking broker and Google; whether they agree shows when
//! carepass runs.

use super::exit::Exit;
use super::screen::Screen;
use super::serve::load;
use std::path::PathBuf;

/// Check the configuration and every file it names; nothing is started.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Configuration files, the later the stronger
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    config: Vec<PathBuf>,
}

/// Names every fault, or says what was found to be in order.
pub fn run(args: &Check, screen: &mut Screen) -> Exit {
    let Some(config) = load(&args.config, screen) else { return Exit::Usage };
    for warning in config.warnings() {
        screen.note(format_args!("Warning: {warning}"));
    }
    screen.say(format_args!("The configuration is in order: {} reseller accounts.", config.resellers.len()));
    for section in &config.resellers {
        screen.say(format_args!(
            "  {} ({}), acting as {}",
            section.reseller.name, section.reseller.customer, section.reseller.admin
        ));
    }
    Exit::Done
}
