//! `carepass completions SHELL`: what a shell needs to complete commands and options. Not here: where a shell looks for it, which the
//! shell's own manual says.

use super::Cli;
use super::exit::Exit;
use super::screen::Screen;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Arguments of `completions`.
#[derive(Clone, Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &CompletionsArgs, screen: &mut Screen) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "carepass", &mut script);
    screen.say(String::from_utf8_lossy(&script).trim_end());
    Exit::Done
}
