//! `carepass token new NAME --role ROLE`: a fresh token for the API. It is shown once; the tokens file gets only its hash.
//! Not here: how tokens are checked (`http`).

use super::exit::{Ended, Exit, Trouble};
use super::screen::Screen;
use crate::http::{NewToken, Role, Tokens};
use clap::{Args, Subcommand};
use ring::rand::SystemRandom;
use serde_json::json;

/// The commands about tokens.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token, and the lines for the tokens file
    New(NewArgs),
}

/// Arguments of `token new`.
#[derive(Clone, Debug, Args)]
pub struct NewArgs {
    /// Whose it is; stands in the ledger beside every order
    name: String,
    /// What it may do: publisher (sends events and nothing else), viewer, operator or approver
    #[arg(long, value_parser = role)]
    role: Role,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Runs the command.
pub fn run(command: &TokenCommand, screen: &mut Screen) -> Ended {
    let TokenCommand::New(args) = command;
    let random = SystemRandom::new();
    let token = NewToken::make(&random).map_err(|error| Trouble::failed(error.to_string()))?;
    // The daemon reads the lines by the same rules, so a name it would refuse is refused here.
    Tokens::parse(&token.lines(&args.name, args.role), &random)
        .map_err(|error| Trouble::usage(error.to_string()))?;
    if args.json {
        let shown =
            json!({ "name": args.name, "role": args.role, "token": token.reveal(), "hash": token.hash });
        screen.say(format_args!("{shown:#}"));
        return Ok(Exit::Done);
    }
    screen.note(
        "The token, shown only now; keep it in a file of its own (mode 600) and name it with --token-file:",
    );
    screen.say(token.reveal());
    screen.note("\nThe lines for the tokens file (http.tokens_file), which takes only the hash:");
    screen.say(token.lines(&args.name, args.role));
    Ok(Exit::Done)
}

fn role(text: &str) -> Result<Role, String> {
    let known = Role::ALL.into_iter().find(|role| role.as_str() == text);
    known.ok_or_else(|| "publisher, viewer, operator or approver".to_owned())
}
