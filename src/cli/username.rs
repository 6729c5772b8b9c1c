//! `carepass username preview`: which name an engineer would get, and why, before HR sends anything. Without `--api` offline, so that it
//! cannot know what is taken; with it the daemon is asked. Not here: the rules (`model/username`).

use super::client::{ApiArgs, Client};
use super::exit::{Ended, Exit, Trouble};
use super::screen::Screen;
use crate::model::id::{EngineerKey, InvalidName, LocalPart};
use crate::model::person::{Language, LanguageTag, LatinPart, NameFault, NamePart, PersonName};
use crate::model::username::{Naming, candidates, choose};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The commands about usernames.
#[derive(Clone, Debug, Subcommand)]
pub enum UsernameCommand {
    /// Show the candidates for a name, best first
    Preview(PreviewArgs),
}

/// Arguments of `username preview`.
#[derive(Clone, Debug, Args)]
pub struct PreviewArgs {
    /// Given names, with diacritics
    #[arg(long)]
    given: String,
    /// Family names, with diacritics
    #[arg(long)]
    family: String,
    /// Language of the name, such as sv or de
    #[arg(long = "language", value_name = "LANGUAGE")]
    name_language: String,
    /// Given names in Latin letters
    #[arg(long)]
    latin_given: Option<String>,
    /// Family names in Latin letters
    #[arg(long)]
    latin_family: Option<String>,
    /// The username that HR would ask for
    #[arg(long, value_name = "USERNAME")]
    preferred: Option<String>,
    /// HR's key, for the last candidate; left out without it
    #[arg(long)]
    key: Option<EngineerKey>,
    /// Ask the daemon at this address, which knows what is taken and how names are configured
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// File that holds the token
    #[arg(long, value_name = "FILE", env = "CAREPASS_TOKEN_FILE", hide_env_values = true)]
    token_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Runs the command.
pub async fn run(command: &UsernameCommand, screen: &mut Screen) -> Ended {
    let UsernameCommand::Preview(args) = command;
    let wish = Wish::of(args)?;
    let preview = match &args.api {
        Some(api) => ask(api.clone(), args).await?,
        None => wish.offline(),
    };
    if args.json {
        screen.say(format_args!("{preview:#}"));
    } else {
        screen.say(text(&preview));
    }
    Ok(Exit::Done)
}

/// The arguments, checked.
struct Wish {
    name: PersonName,
    preferred: Option<LocalPart>,
    key: Option<EngineerKey>,
}

impl Wish {
    fn of(args: &PreviewArgs) -> Result<Self, Trouble> {
        let wrong =
            |option: &'static str| move |fault: NameFault| Trouble::usage(format!("{option}: {fault}"));
        let latin = |text: &Option<String>| text.as_deref().map(LatinPart::parse).transpose();
        let tag = LanguageTag::parse(&args.name_language)
            .ok_or_else(|| Trouble::usage("--language: not a language tag like sv or de-CH"))?;
        let name = PersonName {
            given: NamePart::parse(&args.given).map_err(wrong("--given"))?,
            family: NamePart::parse(&args.family).map_err(wrong("--family"))?,
            latin_given: latin(&args.latin_given).map_err(wrong("--latin-given"))?,
            latin_family: latin(&args.latin_family).map_err(wrong("--latin-family"))?,
            language: Some(tag),
        };
        let preferred = args.preferred.as_deref().map(LocalPart::parse).transpose();
        let preferred =
            preferred.map_err(|fault: InvalidName| Trouble::usage(format!("--preferred: {fault}")))?;
        Ok(Self { name, preferred, key: args.key.clone() })
    }

    /// The choice in the shape of the contract, with carepass's own patterns, as if nothing were taken.
    fn offline(&self) -> Value {
        let naming = Naming::of(LanguageTag::english());
        let found = candidates(&self.name, self.preferred.as_ref(), self.key.as_ref(), &naming);
        let choice = choose(&found, |_| None);
        json!({
            "username": choice.username(),
            "candidates": choice.considered,
            "reason": choice.reason(),
        })
    }
}

async fn ask(api: String, args: &PreviewArgs) -> Result<Value, Trouble> {
    let client = Client::new(&ApiArgs { api, token_file: args.token_file.clone() }, Language::English)?;
    let mut body = json!({ "given": args.given, "family": args.family, "language": args.name_language });
    let key = args.key.as_ref().map(ToString::to_string);
    let optional = [
        ("latinGiven", &args.latin_given),
        ("latinFamily", &args.latin_family),
        ("preferredUsername", &args.preferred),
        ("key", &key),
    ];
    for (field, value) in optional {
        if let Some(value) = value {
            body[field] = json!(value);
        }
    }
    Ok(client.post(&["v1", "usernames:preview"], &body).await?)
}

fn text(preview: &Value) -> String {
    let all: Vec<&Value> = preview["candidates"].as_array().into_iter().flatten().collect();
    let mut lines = match (preview["username"].as_str(), preview["reason"].as_str()) {
        (Some(username), Some("kept")) => {
            vec![format!("{username}"), "The engineer has it already, and it stays.".to_owned()]
        }
        (Some(username), _) => {
            let others: Vec<&str> = all
                .iter()
                .filter(|other| other["taken_by"].is_null())
                .filter_map(|other| other["name"].as_str())
                .filter(|other| *other != username)
                .collect();
            vec![username.to_owned(), format!("If that is taken: {}", others.join(", "))]
        }
        (None, Some("exhausted")) => {
            vec!["No name: every candidate is taken, and a person decides.".to_owned()]
        }
        (None, _) => vec![
            "No name: a letter has no known Latin form, and nothing is guessed.".to_owned(),
            "Give the names as the person writes them in Latin letters: --latin-given and --latin-family."
                .to_owned(),
        ],
    };
    lines.extend(all.iter().filter_map(|candidate| taken(candidate)));
    let unknown = preview["unknown"].as_array().into_iter().flatten().filter_map(Value::as_str);
    lines.extend(unknown.map(|reseller| format!("Not known now: what is taken at {reseller}.")));
    lines.join("\n")
}

/// Why a candidate was passed over.
fn taken(candidate: &Value) -> Option<String> {
    let (name, by) = (candidate["name"].as_str()?, &candidate["taken_by"]);
    let place = by["domain"].as_str().unwrap_or_default();
    Some(match by["kind"].as_str()? {
        "account" => format!("{name} is an account in {place}."),
        "alias" => format!("{name} is another address of an account in {place}."),
        "group" => format!("{name} is a group in {place}."),
        "deleted" => format!("{name} is an account in {place} that was deleted in the last 20 days."),
        "reservation" => {
            format!("{name} is kept for the engineer {}.", by["engineer"].as_str().unwrap_or_default())
        }
        "stop_list" => format!("{name} is given to nobody."),
        other => format!("{name} is taken ({other})."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(given: &str, family: &str, language: &str) -> PreviewArgs {
        let (given, family, language) = (given.to_owned(), family.to_owned(), language.to_owned());
        PreviewArgs {
            given,
            family,
            name_language: language,
            latin_given: None,
            latin_family: None,
            preferred: None,
            key: None,
            api: None,
            token_file: None,
            json: true,
        }
    }

    fn preview(args: &PreviewArgs) -> Result<Value, Trouble> {
        Wish::of(args).map(|wish| wish.offline())
    }

    #[test]
    fn the_preview_has_the_shape_of_the_contract() {
        let shown = preview(&args("Åsa", "Öberg", "sv")).unwrap();
        assert_eq!((&shown["username"], &shown["reason"]), (&json!("asa.oberg"), &json!("given_family")));
        assert_eq!(shown["candidates"][1], json!({ "name": "a.oberg", "taken_by": null }));
        assert!(!shown.to_string().contains("eng-"), "no key, no name made of it");
        let keyed = PreviewArgs { key: Some("E-1".parse().unwrap()), ..args("Åsa", "Öberg", "sv") };
        assert!(preview(&keyed).unwrap().to_string().contains("eng-e-1"));
    }

    #[test]
    fn nothing_is_guessed() {
        let shown = preview(&args("太郎", "山田", "ja")).unwrap();
        assert_eq!(shown, json!({ "username": null, "candidates": [], "reason": "needs_latin" }));
        assert!(text(&shown).starts_with("No name"));
        let mut romanised = args("太郎", "山田", "ja");
        romanised.latin_given = Some("Taro".into());
        romanised.latin_family = Some("Yamada".into());
        assert_eq!(preview(&romanised).unwrap()["username"], "taro.yamada");
    }

    #[test]
    fn faults_are_named_by_their_option() {
        assert_eq!(preview(&args("", "Öberg", "sv")).unwrap_err(), Trouble::usage("--given: an empty name"));
        assert_eq!(preview(&args("Åsa", "Öberg", "svenska!")).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn what_is_taken_is_said_in_words() {
        let shown = json!({
            "username": "asa.ek2",
            "candidates": [
                { "name": "asa.ek", "taken_by": { "kind": "account", "domain": "a.se" } },
                { "name": "a.ek", "taken_by": { "kind": "reservation", "engineer": "E-2" } },
                { "name": "asa.ek2", "taken_by": null },
                { "name": "asa.ek3", "taken_by": null },
            ],
            "reason": "numbered",
            "unknown": ["nordic-dk"],
        });
        assert_eq!(
            text(&shown),
            "asa.ek2\nIf that is taken: asa.ek3\nasa.ek is an account in a.se.\na.ek is kept for the engineer E-2.\n\
             Not known now: what is taken at nordic-dk."
        );
        let wished = PreviewArgs { preferred: Some("support".into()), ..args("Åsa", "Ek", "sv") };
        let shown = text(&preview(&wished).unwrap());
        assert!(shown.ends_with("support is given to nobody."), "{shown}");
    }
}
