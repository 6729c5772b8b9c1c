//! `carepass health`: whether a running daemon lives, or is ready, as a number for whoever supervises it where there is no other program to
//! ask with, as in a container. Needs no token. Not here: what "lives" means (`http/health`).

use super::client::{ApiArgs, Client, ClientError};
use super::exit::{Ended, Exit, Trouble};
use super::screen::Screen;
use crate::model::person::Language;
use clap::{Args, ValueEnum};

/// Ask whether the running daemon is well: 0 yes, 1 no, 6 nobody answers.
#[derive(Clone, Debug, Args)]
pub struct HealthArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// What is asked: that it lives, that its store takes commits, or that events come in as well
    #[arg(long, value_enum, default_value_t = Wanted::Live)]
    of: Wanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Wanted {
    Live,
    Ready,
    Intake,
}

/// Runs the command.
pub async fn run(args: &HealthArgs, screen: &mut Screen) -> Ended {
    let client = Client::new(&args.api, Language::English)?;
    let (path, query): (&str, &[(&str, &str)]) = match args.of {
        Wanted::Live => ("livez", &[]),
        Wanted::Ready => ("readyz", &[]),
        Wanted::Intake => ("readyz", &[("intake", "")]),
    };
    match client.get(&[path], query).await {
        Ok(said) => {
            screen.say(said["status"].as_str().unwrap_or("well"));
            Ok(Exit::Done)
        }
        Err(ClientError::Refused { status: 503, .. }) => Err(Trouble::failed(format!(
            "carepass says that it is not well. /{path} with a token names the part, and the log says why."
        ))),
        Err(error) => Err(error.into()),
    }
}
