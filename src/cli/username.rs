//! `carepass username preview`: which name an engineer would get, and why, before HR sends anything. Offline, so it cannot know what is
//! taken. Not here: the rules (`model/username`).

use super::exit::{Ended, Exit, Trouble};
use super::screen::Screen;
use crate::model::id::EngineerKey;
use crate::model::person::{LanguageTag, LatinPart, NameFault, NamePart, PersonName};
use crate::model::username::{Choice, candidates, choose};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

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
    #[arg(long)]
    language: String,
    /// Given names in Latin letters
    #[arg(long)]
    latin_given: Option<String>,
    /// Family names in Latin letters
    #[arg(long)]
    latin_family: Option<String>,
    /// HR's key, for the last candidate; left out without it
    #[arg(long)]
    key: Option<EngineerKey>,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Runs the command.
pub fn run(command: &UsernameCommand, screen: &mut Screen) -> Ended {
    let UsernameCommand::Preview(args) = command;
    let preview = preview(args)?;
    if args.json {
        screen.say(format_args!("{preview:#}"));
    } else {
        screen.say(text(&preview));
    }
    Ok(Exit::Done)
}

fn preview(args: &PreviewArgs) -> Result<Value, Trouble> {
    let wrong = |option: &'static str| move |fault: NameFault| Trouble::usage(format!("{option}: {fault}"));
    let latin = |text: &Option<String>| text.as_deref().map(LatinPart::parse).transpose();
    let tag = LanguageTag::parse(&args.language);
    let name = PersonName {
        given: NamePart::parse(&args.given).map_err(wrong("--given"))?,
        family: NamePart::parse(&args.family).map_err(wrong("--family"))?,
        latin_given: latin(&args.latin_given).map_err(wrong("--latin-given"))?,
        latin_family: latin(&args.latin_family).map_err(wrong("--latin-family"))?,
        language: Some(tag.ok_or_else(|| Trouble::usage("--language: not a language tag like sv or de-CH"))?),
    };
    let stand_in = EngineerKey::parse("key").expect("three letters are a key");
    let key = args.key.as_ref().unwrap_or(&stand_in);
    let choice = choose(&candidates(&name, None, key, "en"), |_| None);
    Ok(shown(&choice, args.key.is_some()))
}

/// The choice in the shape of the contract; without a key there is no candidate made of it.
fn shown(choice: &Choice, has_key: bool) -> Value {
    let considered = choice.considered.iter().filter(|name| has_key || name.name.as_str() != "eng-key");
    json!({
        "username": choice.username(),
        "candidates": considered.collect::<Vec<_>>(),
        "reason": choice.reason(),
    })
}

fn text(preview: &Value) -> String {
    let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = preview["candidates"].as_array().into_iter().flatten();
    let all: Vec<String> = all.map(|candidate| name(&candidate["name"])).collect();
    match preview["username"].as_str() {
        Some(username) => {
            let others =
                all.iter().filter(|other| *other != username).cloned().collect::<Vec<_>>().join(", ");
            format!("{username}\nIf that is taken: {others}")
        }
        None => "No name: a letter has no known Latin form, and nothing is guessed.\n\
                 Give the names as the person writes them in Latin letters: --latin-given and --latin-family."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(given: &str, family: &str, language: &str) -> PreviewArgs {
        let (given, family, language) = (given.to_owned(), family.to_owned(), language.to_owned());
        PreviewArgs { given, family, language, latin_given: None, latin_family: None, key: None, json: true }
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
}
