//! `carepass order …`: an operator's decision, sent to the daemon with its reason. Which rows are meant is worked out from what the
//! daemon says; what could be meant in two ways is asked back. Not here: what an order does.

use super::answers::{EngineerAnswer, EnrollmentAnswer, words};
use super::client::{ApiArgs, Client};
use super::exit::{Ended, Exit, Trouble};
use super::screen::Screen;
use super::speech::Speech;
use crate::model::engineer::Hold;
use crate::model::id::{DomainName, EngineerKey, MailAddress, ResellerName};
use crate::model::task::CardId;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The decisions.
#[derive(Clone, Debug, Subcommand)]
pub enum OrderCommand {
    /// Let an engineer begin who is held by the limit on grants, for want of an approval, or because the employment had ended
    Approve(ApproveArgs),
    /// Try now, with all attempts again; without --domain everything of the engineer that is not finished
    Retry(RowArgs),
    /// Take the current step as done: you answer for it; refused where later steps need what it leaves (username, account)
    Skip(SkipArgs),
    /// End it: carepass does no more there
    Cancel(RowArgs),
    /// Set new first passwords and send a new link, where nobody has signed in yet; without --domain in every domain
    Reissue(ReissueArgs),
    /// Say which account is the engineer's own, where engineers have accounts already: it gets the role and nothing else
    Adopt(AdoptArgs),
}

/// Arguments of `order approve`.
#[derive(Clone, Debug, Args)]
pub struct ApproveArgs {
    /// HR's key of the engineer
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    key: Option<EngineerKey>,
    /// All whom the limit on grants holds, as `carepass task done grants-held`
    #[arg(long)]
    all: bool,
    /// With --all: when you looked, as `carepass task list` shows it; who came later stays held. Now, if you do not say it
    #[arg(long, value_name = "TIME", requires = "all")]
    held_before: Option<Timestamp>,
    #[command(flatten)]
    common: CommonArgs,
}

/// Arguments of the decisions about rows, those of reseller accounts among them.
#[derive(Clone, Debug, Args)]
pub struct RowArgs {
    /// HR's key of the engineer
    #[arg(required_unless_present = "reseller", conflicts_with = "reseller")]
    key: Option<EngineerKey>,
    /// Only in this domain
    #[arg(long, requires = "key")]
    domain: Option<DomainName>,
    /// The set-up of this reseller account, instead of an engineer
    #[arg(long)]
    reseller: Option<ResellerName>,
    #[command(flatten)]
    common: CommonArgs,
}

/// Arguments of `order skip`. The set-up of a reseller account has no step that may be skipped: each guards all its domains.
#[derive(Clone, Debug, Args)]
pub struct SkipArgs {
    /// HR's key of the engineer
    key: EngineerKey,
    /// Only in this domain
    #[arg(long)]
    domain: Option<DomainName>,
    #[command(flatten)]
    common: CommonArgs,
}

/// Arguments of `order reissue`.
#[derive(Clone, Debug, Args)]
pub struct ReissueArgs {
    /// HR's key of the engineer
    key: EngineerKey,
    /// Only in this domain
    #[arg(long)]
    domain: Option<DomainName>,
    #[command(flatten)]
    common: CommonArgs,
}

/// Arguments of `order adopt`.
#[derive(Clone, Debug, Args)]
pub struct AdoptArgs {
    /// HR's key of the engineer
    key: EngineerKey,
    /// In which domain
    #[arg(long)]
    domain: DomainName,
    /// The primary address of the account; you have made sure that it is this person's
    #[arg(long)]
    account: MailAddress,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Clone, Debug, Args)]
struct CommonArgs {
    /// Why; kept in the ledger beside your token's name
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    speech: Speech,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Approve,
    Retry,
    Skip,
    Cancel,
    Adopt,
    Reissue,
}

/// Runs the command.
pub async fn run(command: &OrderCommand, screen: &mut Screen) -> Ended {
    let (wish, common) = match command {
        OrderCommand::Approve(args) => (Wish::Approve, &args.common),
        OrderCommand::Retry(args) => (Wish::Retry, &args.common),
        OrderCommand::Skip(args) => (Wish::Skip, &args.common),
        OrderCommand::Cancel(args) => (Wish::Cancel, &args.common),
        OrderCommand::Adopt(args) => (Wish::Adopt, &args.common),
        OrderCommand::Reissue(args) => (Wish::Reissue, &args.common),
    };
    let client = Client::new(&common.api, common.speech.language)?;
    let paths = match command {
        OrderCommand::Approve(ApproveArgs { key: Some(key), .. }) => vec![engineer_path(key)],
        OrderCommand::Approve(args) => return approve_all(&client, args, screen).await,
        OrderCommand::Retry(args) | OrderCommand::Cancel(args) => rows(&client, args, wish).await?,
        OrderCommand::Skip(args) => rows_of(&client, &args.key, wish, args.domain.as_ref()).await?,
        OrderCommand::Adopt(args) => rows_of(&client, &args.key, wish, Some(&args.domain)).await?,
        OrderCommand::Reissue(args) => match &args.domain {
            Some(domain) => rows_of(&client, &args.key, wish, Some(domain)).await?,
            None => vec![engineer_path(&args.key)],
        },
    };
    let mut body = json!({ "order": wish.as_str(), "reason": common.reason });
    if let OrderCommand::Adopt(args) = command {
        body["account"] = args.account.as_str().into();
    }
    send(&client, &paths, &body, common.json, screen).await
}

/// Everybody whom the limit on grants held then.
async fn approve_all(client: &Client, args: &ApproveArgs, screen: &mut Screen) -> Ended {
    let common = &args.common;
    let body = match args.held_before {
        Some(held_before) => json!({ "reason": common.reason, "held_before": held_before }),
        None => json!({ "reason": common.reason }),
    };
    let card = CardId::Held(Hold::GrantLimit).to_string();
    let answer = client.post(&["v1", "tasks", &card, "done"], &body).await?;
    if common.json {
        screen.say(format_args!("{answer:#}"));
    } else {
        for engineer in answer["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            screen.say(line(engineer));
        }
    }
    Ok(Exit::Done)
}

/// The paths of the rows that are meant.
async fn rows(client: &Client, args: &RowArgs, wish: Wish) -> Result<Vec<Vec<String>>, Trouble> {
    if let Some(reseller) = &args.reseller {
        return Ok(vec![["v1", "resellers", reseller.as_str(), "orders"].map(str::to_owned).into()]);
    }
    let Some(key) = &args.key else { return Err(Trouble::usage("name an engineer or a reseller account")) };
    rows_of(client, key, wish, args.domain.as_ref()).await
}

async fn rows_of(
    client: &Client,
    key: &EngineerKey,
    wish: Wish,
    domain: Option<&DomainName>,
) -> Result<Vec<Vec<String>>, Trouble> {
    let engineer: EngineerAnswer = client.read(client.get(&["v1", "engineers", key.as_str()], &[]).await?)?;
    let meant = pick(&engineer, wish, domain)?;
    Ok(meant.into_iter().map(|row| row_path(key, row)).collect())
}

/// Which rows an order means. A retry does no harm and may mean several; skip, cancel and adopt mean exactly one.
fn pick<'a>(
    engineer: &'a EngineerAnswer,
    wish: Wish,
    domain: Option<&DomainName>,
) -> Result<Vec<&'a EnrollmentAnswer>, Trouble> {
    if let Some(domain) = domain {
        let row = engineer.domains().find(|row| row.target.domain.as_deref() == Some(domain.as_str()));
        let missing = || Trouble::failed(format!("{} has nothing in {domain}", engineer.key));
        return Ok(vec![row.ok_or_else(missing)?]);
    }
    let open = engineer.unsettled();
    match (open.len(), wish) {
        (0, _) => Err(Trouble::failed(format!("nothing of {} is unfinished", engineer.key))),
        (1, _) | (_, Wish::Retry | Wish::Approve | Wish::Reissue) => Ok(open),
        (_, Wish::Skip | Wish::Cancel | Wish::Adopt) => {
            let names: Vec<_> =
                open.iter().map(|row| row.target.domain.as_deref().unwrap_or("the welcome")).collect();
            Err(Trouble::usage(format!("say which with --domain: unfinished are {}", names.join(", "))))
        }
    }
}

fn engineer_path(key: &EngineerKey) -> Vec<String> {
    ["v1", "engineers", key.as_str(), "orders"].map(str::to_owned).into()
}

fn row_path(key: &EngineerKey, row: &EnrollmentAnswer) -> Vec<String> {
    match (&row.target.reseller, &row.target.domain) {
        (Some(reseller), Some(domain)) => {
            ["v1", "enrollments", key.as_str(), reseller, domain, "orders"].map(str::to_owned).into()
        }
        _ => engineer_path(key),
    }
}

async fn send(
    client: &Client,
    paths: &[Vec<String>],
    body: &Value,
    json: bool,
    screen: &mut Screen,
) -> Ended {
    let (mut answers, mut refused) = (Vec::new(), None);
    for path in paths {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match client.post(&path, body).await {
            Ok(answer) => {
                if !json {
                    screen.say(line(&answer));
                }
                // New first passwords everywhere but in these domains.
                for one in answer["reissue_refused"].as_array().map(Vec::as_slice).unwrap_or_default() {
                    let text = |name: &str| one[name].as_str().unwrap_or_default();
                    screen.note(format_args!("{}: {}", text("domain"), text("message")));
                    refused = Some(Exit::Partly);
                }
                answers.push(answer);
            }
            Err(error) => {
                let trouble = Trouble::from(error);
                screen.note(&trouble);
                refused = Some(trouble.exit);
            }
        }
    }
    if json {
        screen.say(format_args!("{:#}", json!({ "items": answers })));
    }
    Ok(match refused {
        None => Exit::Done,
        Some(_) if !answers.is_empty() => Exit::Partly,
        Some(exit) => exit,
    })
}

/// What is so now: an engineer by the key, a row by its target.
pub(super) fn line(answer: &Value) -> String {
    let text = |value: &Value| value.as_str().map(words);
    let target = &answer["target"];
    let name = [&answer["key"], &target["domain"], &target["reseller"], &target["kind"]];
    let name = name.iter().find_map(|value| value.as_str()).unwrap_or_default();
    let step = text(&answer["step"]).map_or_else(String::new, |step| format!(", step {step}"));
    format!("{name}: {}{step}", text(&answer["state"]).unwrap_or_default())
}

impl Wish {
    fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::Cancel => "cancel",
            Self::Adopt => "adopt",
            Self::Reissue => "reissue",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::engineer;
    use super::*;

    fn check(wish: Wish, domain: Option<&str>, expected: Result<&[&str], Exit>) {
        let engineer = engineer();
        let domain = domain.map(|name| name.parse().unwrap());
        let picked = pick(&engineer, wish, domain.as_ref());
        let key: EngineerKey = "E-20417".parse().unwrap();
        let paths =
            picked.map(|rows| rows.into_iter().map(|row| row_path(&key, row).join("/")).collect::<Vec<_>>());
        match (paths, expected) {
            (Ok(paths), Ok(expected)) => assert_eq!(paths, expected),
            (paths, expected) => {
                assert_eq!(paths.map_err(|trouble| trouble.exit).err(), expected.err(), "{wish:?}");
            }
        }
    }

    #[test]
    fn an_order_means_what_is_unfinished_or_asks_back() {
        let (se, no) = ("v1/enrollments/E-20417/se/b.se/orders", "v1/enrollments/E-20417/no/a.no/orders");
        check(Wish::Retry, None, Ok(&[no, se]));
        check(Wish::Retry, Some("a.no"), Ok(&[no]));
        check(Wish::Skip, None, Err(Exit::Usage));
        check(Wish::Cancel, Some("a.no"), Ok(&[no]));
        check(Wish::Cancel, Some("x.example"), Err(Exit::Failed));
    }

    #[test]
    fn the_answer_is_one_line() {
        let row = json!({ "target": { "kind": "domain", "reseller": "se", "domain": "a.se" }, "state": "scheduled", "step": "no_paid_license" });
        assert_eq!(line(&row), "a.se: scheduled, step no paid license");
        assert_eq!(line(&json!({ "key": "E-1", "state": "partly_ready" })), "E-1: partly ready");
    }
}
