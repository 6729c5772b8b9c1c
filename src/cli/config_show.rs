//! `carepass config show`: every setting, its value, and the layer that says so. Not here: whether the values are right (`check`), though
//! faults are told beside them, and what is a secret (`config/shown`).

use super::exit::Exit;
use super::screen::{Screen, Tone};
use super::serve::load;
use super::table::{Cell, Table};
use crate::config::{self, Origin, Setting};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The commands about the configuration.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every setting with the layer that it comes from; secrets are masked
    Show(ShowArgs),
}

/// Arguments of `config show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// Configuration files, the later the stronger; without one, the defaults and the environment
    #[arg(long, value_name = "FILE", num_args = 1..)]
    config: Vec<PathBuf>,
    /// Only what somebody has said, without the defaults
    #[arg(long)]
    said: bool,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Runs the command.
pub fn run(command: &ConfigCommand, screen: &mut Screen) -> Exit {
    let ConfigCommand::Show(args) = command;
    let mut settings = config::settings(&args.config, config::environment());
    settings.retain(|setting| !args.said || setting.origin != Origin::Default);
    if args.json {
        let items: Vec<Value> = settings.iter().map(shown).collect();
        screen.say(format_args!("{:#}", json!({ "items": items })));
    } else {
        screen.say(render(&settings, screen.is_colored()));
    }
    // Without a file no reseller account is named, and nobody has to be told so.
    if args.config.is_empty() || load(&args.config, screen).is_some() {
        return Exit::Done;
    }
    Exit::Usage
}

fn render(settings: &[Setting], colored: bool) -> String {
    let mut table = Table::new(["KEY", "VALUE", "FROM"]);
    for Setting { key, value, origin } in settings {
        let origin = match origin {
            Origin::Default => origin.to_string().into(),
            Origin::File(_) | Origin::Credential(_) | Origin::Variable(_) => {
                Cell::toned(origin.to_string(), Tone::Calm)
            }
        };
        table.row([key.as_str().into(), value.as_str().into(), origin]);
    }
    table.render(colored)
}

fn shown(setting: &Setting) -> Value {
    let (kind, name) = match &setting.origin {
        Origin::Default => ("default", None),
        Origin::File(path) => ("file", Some(path.display().to_string())),
        Origin::Credential(name) => ("credential", Some(name.clone())),
        Origin::Variable(name) => ("variable", Some(name.clone())),
    };
    json!({ "key": setting.key, "value": setting.value, "origin": { "kind": kind, "name": name } })
}
