//! `carepass event import`: people from a spreadsheet as `joined` events. All faults first, then a preview; published only when somebody
//! says so. Not here: the file's form (`table`), the events (`rows`), and publishing, which is that of `event publish`.

mod fault;
mod rows;
mod table;

use super::event::{self, Linted};
use super::events_file::{self, FoundEvent};
use super::exit::{Ended, Exit, Trouble};
use super::screen::Screen;
use super::speech::Speech;
use super::table::Table;
use crate::model::person::Language;
use clap::Args;
use fault::Fault;
use rows::{Defaults, Made};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

/// Faults that are shown; a file with more has one cause behind most of them.
const SHOWN_MAX: usize = 200;

/// Arguments of `event import`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = COLUMNS, after_help = COLUMNS)]
pub struct ImportArgs {
    /// The file, in UTF-8, separated by commas, semicolons or tabs; `-` is the standard input
    file: PathBuf,
    /// Publish without asking
    #[arg(long)]
    publish: bool,
    /// The broker; a password is better given by the environment, since other users see arguments
    #[arg(
        long = "amqp",
        value_name = "URL",
        env = "CAREPASS__INTAKE__AMQP__URL",
        hide_env_values = true,
        default_value = "amqp://127.0.0.1:5672"
    )]
    url: SecretString,
    /// The exchange that carepass listens to
    #[arg(
        long,
        env = "CAREPASS__INTAKE__AMQP__EXCHANGE",
        hide_env_values = true,
        default_value = "hr.events"
    )]
    exchange: String,
    /// The source of rows that name none; it must be among carepass's allowed sources
    #[arg(long, default_value = "urn:carepass:import")]
    source: String,
    /// The time zone of rows that name none, such as Europe/Stockholm
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    #[command(flatten)]
    speech: Speech,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

const COLUMNS: &str = "\
The first row holds the headings, in any order: key, given and family; and of these whatever is known: latin_given, latin_family, \
language (of the name), contact_email, manager_email, locale, preferred_username, employment_id (else KEY/1), start_date (YYYY-MM-DD), \
time_zone, domains (all, or several between blanks), profile, revision (else 1), source.
A row that is imported again is the same event and changes nothing. To change what was imported, raise its revision.";

/// Runs the command.
pub async fn run(args: ImportArgs, screen: &mut Screen) -> Ended {
    let made = read(&args, screen)?;
    if !args.json {
        screen.say(preview(&made, args.speech.language, screen.is_colored()));
    }
    let total = made.len();
    let asked = args.publish || (!args.json && confirmed(&args, total, screen));
    if !asked {
        if args.json {
            screen.say(format_args!("{:#}", shown(&made, &Value::Null)));
        } else {
            screen.note(unsent(args.speech.language));
        }
        return Ok(Exit::Done);
    }
    let rows = if args.json { shown(&made, &Value::Null) } else { Value::Null };
    let linted: Vec<Linted> = made.into_iter().map(|one| one.linted(&args.file)).collect();
    let messages = linted.iter().map(|one| one.message(&args.exchange)).collect::<Result<Vec<_>, _>>()?;
    let counts = event::send(&args.url, messages, &linted, screen).await?;
    if args.json {
        let published = event::counted(counts, total);
        screen.say(format_args!("{:#}", json!({ "items": rows["items"], "published": published })));
    } else {
        event::report(counts, total, false, screen);
    }
    Ok(match counts.confirmed {
        all if all == total => Exit::Done,
        0 => Exit::Failed,
        _ => Exit::Partly,
    })
}

/// The events of the file, or everything that is wrong with it.
fn read(args: &ImportArgs, screen: &mut Screen) -> Result<Vec<Made>, Trouble> {
    let (rows, mut faults) = table::read(&events_file::bytes(&args.file)?);
    let defaults = Defaults { source: args.source.clone(), time_zone: args.time_zone.clone() };
    let (made, found) = rows::events(&rows, &defaults);
    // A row that has lost a column says nothing true about the others.
    if faults.iter().all(|fault| fault.place.line > 1) {
        faults.extend(found);
    }
    if faults.is_empty() {
        return Ok(made);
    }
    faults.sort_by_key(|fault| (fault.place.line, fault.place.number));
    tell(&faults, args, screen);
    Err(Trouble::failed(match args.speech.language {
        Language::English => "Nothing was published. Mend the rows above and import the file again.",
        Language::Swedish => "Inget publicerades. Rätta raderna ovan och importera filen igen.",
    }))
}

fn tell(faults: &[Fault], args: &ImportArgs, screen: &mut Screen) {
    if args.json {
        let told = |fault: &Fault| {
            let place = &fault.place;
            json!({ "line": place.line, "column": place.number, "name": place.column, "code": fault.kind.code() })
        };
        screen.say(format_args!("{:#}", json!({ "faults": faults.iter().map(told).collect::<Vec<_>>() })));
        return;
    }
    let file = args.file.display();
    for fault in faults.iter().take(SHOWN_MAX) {
        screen.note(format_args!("{file}, {}", fault.text(args.speech.language)));
    }
    if let Some(more) = faults.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        screen.note(match args.speech.language {
            Language::English => format!("… and {more} more"),
            Language::Swedish => format!("… och {more} till"),
        });
    }
}

fn preview(made: &[Made], language: Language, colored: bool) -> String {
    let (mut table, asked, at_once) = match language {
        Language::English => (Table::new(["KEY", "USERNAME", "START", "DOMAINS"]), "asked back", "at once"),
        Language::Swedish => {
            (Table::new(["NYCKEL", "ANVÄNDARNAMN", "START", "DOMÄNER"]), "efterfrågas", "genast")
        }
    };
    for one in made {
        let username = one.username.as_ref().map_or(asked, |name| name.as_str());
        table.row([
            one.key.as_str().into(),
            username.into(),
            one.start.as_deref().unwrap_or(at_once).into(),
            one.domains.as_str().into(),
        ]);
    }
    table.render(colored)
}

fn shown(made: &[Made], published: &Value) -> Value {
    let item = |one: &Made| {
        json!({
            "line": one.line, "key": one.key, "username": one.username,
            "start": one.start, "domains": one.domains, "id": one.id,
        })
    };
    json!({ "items": made.iter().map(item).collect::<Vec<_>>(), "published": published })
}

/// Asks on a terminal, unless the standard input is the file.
fn confirmed(args: &ImportArgs, total: usize, screen: &mut Screen) -> bool {
    if !io::stdin().is_terminal() || args.file == Path::new("-") {
        return false;
    }
    screen.note(match args.speech.language {
        Language::English => {
            format!("Publish {total} events? Usernames may differ where others have them. [y/N]")
        }
        Language::Swedish => {
            format!("Publicera {total} händelser? Användarnamn kan bli andra där någon har dem. [j/N]")
        }
    });
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    read.is_ok() && ["y", "yes", "j", "ja"].contains(&answer.trim().to_lowercase().as_str())
}

fn unsent(language: Language) -> &'static str {
    match language {
        Language::English => "Nothing was published: this is a preview. Publish with --publish.",
        Language::Swedish => "Inget publicerades: detta är en förhandsvisning. Publicera med --publish.",
    }
}

impl Made {
    fn linted(self, file: &Path) -> Linted {
        let file = file.display().to_string();
        let place = format!("{file}, line {}", self.line);
        let number = usize::try_from(self.line).unwrap_or(usize::MAX);
        Linted { found: FoundEvent { file, number, place, body: self.body }, verdict: Ok(self.event) }
    }
}
