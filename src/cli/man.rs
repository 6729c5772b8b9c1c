//! `carepass man`: the manual pages, made from the same words as `--help`. Not here: the guides, which are `docs/`.

use super::Cli;
use super::exit::{Ended, Exit, Trouble};
use super::screen::Screen;
use clap::{Args, CommandFactory};
use clap_mangen::Man;
use std::path::PathBuf;

/// Arguments of `man`.
#[derive(Clone, Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder, made if it is missing, instead of printing carepass(1)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &ManArgs, screen: &mut Screen) -> Ended {
    let trouble = |error: std::io::Error| Trouble::failed(format!("the pages cannot be written: {error}"));
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        Man::new(Cli::command()).render(&mut page).map_err(trouble)?;
        screen.say(String::from_utf8_lossy(&page).trim_end());
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(folder).map_err(trouble)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(trouble)?;
    Ok(Exit::Done)
}
