//! Reading the sections of the daemon itself: store, key, Google, limits, HTTP, engine, languages, usernames, logs. Not here: the broker
//! (`broker`), mail, reseller accounts, and the defaults, which stand in `config/default.toml`.

use super::broker::pem;
use super::files::{self, Privacy};
use super::kinds;
use super::reader::{Faulty, Read, Section};
use super::sections::{
    Approval, Backend, Calendar, Google, Http, Languages, Limits, Log, LogFormat, Rates, Replica, Seal, Stop,
    Store,
};
use super::tree::Leaf;
use crate::engine::DriftSettings;
use crate::google::call::Call as GoogleCall;
use crate::google::{Endpoint, MappedAnswer, MappedThen};
use crate::http::Tokens;
use crate::model::authorities::Authorities;
use crate::model::drift::{Action, FindingId, Policy};
use crate::model::duty::ReplicaId;
use crate::model::person::{Language, LanguageTag};
use crate::model::rules::Rules;
use crate::model::username::{Naming, Rename, Template};
use crate::store::postgres;
use jiff::SignedDuration;
use ring::rand::SystemRandom;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, PartialEq, Eq)]
enum BackendKind {
    Embedded,
    Postgres,
}

/// A stop takes this long at least: a call that was begun is to have a chance.
const STOP_MIN: SignedDuration = SignedDuration::from_secs(2);

/// A stop takes this long at most: below `TimeoutStopSec` of the unit that is shipped.
pub(super) const STOP_MAX: SignedDuration = SignedDuration::from_secs(50);

/// A shorter lease than this ends whenever a database takes a moment; a longer one leaves accounts alone for long.
const LEASE_MIN: SignedDuration = SignedDuration::from_secs(3);
const LEASE_MAX: SignedDuration = SignedDuration::from_mins(2);

/// The store.
pub(super) fn store(mut s: Section<'_>) -> Read<Store> {
    let words = [("embedded", BackendKind::Embedded), ("postgres", BackendKind::Postgres)];
    let backend = s.defaulted("backend", kinds::choice(&words));
    let path = s.defaulted("path", folder);
    let authorities = s.optional("ca_file", |leaf| pem(leaf, Authorities::parse));
    let trusted = authorities.clone().unwrap_or_default();
    let url = s.secret("url", "url_file", |url| {
        postgres::Endpoint::parse(&url, trusted.clone()).map_err(|wrong| wrong.to_string())
    });
    s.close();
    let (backend, path, authorities, url) = (backend?, path?, authorities?, url?);
    if backend == BackendKind::Postgres {
        let how =
            "write it like postgres://user:password@host:5432/database, or name a file with it in url_file";
        let endpoint = url.ok_or_else(|| s.missing("url", how))?;
        return Ok(Store { backend: Backend::Postgres { endpoint, path } });
    }
    let said = ["url", "url_file", "ca_file"].into_iter().find(|key| s.is_said(key));
    if let Some(key) = said.filter(|_| url.is_some() || authorities.is_some()) {
        return Err(s.wrong(key, "is for backend = \"postgres\"; write that, or remove it"));
    }
    Ok(Store { backend: Backend::Embedded { path } })
}

/// A folder that is there or can be made.
pub(super) fn folder(leaf: &Leaf) -> kinds::Parsed<PathBuf> {
    let path = kinds::path(leaf)?;
    if path.exists() && !path.is_dir() {
        return Err(format!(
            "{} is not a folder; name a folder, which is made if it is missing",
            path.display()
        ));
    }
    Ok(path)
}

/// The master key: beside the store unless said otherwise. It may be missing, and is made at the first start.
pub(super) fn seal(mut s: Section<'_>, store: Read<&Store>) -> Read<Seal> {
    let named = s.optional("key_file", |leaf| {
        let path = kinds::path(leaf)?;
        if path.exists() {
            return files::check(&path, Privacy::Secret).map(|()| path);
        }
        match path.parent() {
            Some(folder) if folder.as_os_str().is_empty() || folder.is_dir() => Ok(path),
            Some(_) | None => Err(format!(
                "the folder of {} does not exist; create it, or correct the path",
                path.display()
            )),
        }
    });
    s.close();
    let folder = store?.backend.folder();
    Ok(Seal { key_file: named?.unwrap_or_else(|| folder.join("seal.key")) })
}

/// Google.
pub(super) fn google(mut s: Section<'_>) -> (Read<Endpoint>, Read<Google>) {
    let endpoint = s.optional("endpoint", kinds::google).map(|given| given.unwrap_or(Endpoint::Google));
    let calls_in_flight = s.defaulted("calls_in_flight", kinds::whole(1..=64));
    let in_all = s.defaulted("calls_in_flight_in_all", kinds::whole(1..=10_000));
    let answers = answers(&mut s);
    let mut r = s.section("rates");
    let directory = r.defaulted("directory_per_second", kinds::rate);
    let user_inserts = r.defaulted("user_inserts_per_second", kinds::rate);
    let org_units = r.defaulted("org_units_per_second", kinds::rate);
    let licensing = r.defaulted("licensing_per_second", kinds::rate);
    let cloud_identity = r.defaulted("cloud_identity_per_second", kinds::rate);
    r.close();
    s.close();
    let whole = || {
        let rates = Rates {
            directory_per_second: directory?,
            user_inserts_per_second: user_inserts?,
            org_units_per_second: org_units?,
            licensing_per_second: licensing?,
            cloud_identity_per_second: cloud_identity?,
        };
        Ok(Google {
            endpoint: endpoint.clone()?,
            rates,
            calls_in_flight: calls_in_flight?,
            calls_in_flight_in_all: in_all?,
            answers: answers?,
        })
    };
    (endpoint.clone(), whole())
}

/// What the operator says about answers that carepass does not know.
fn answers(s: &mut Section<'_>) -> Read<Vec<MappedAnswer>> {
    let sections = s.list("answers")?;
    if sections.len() > MappedAnswer::MOST {
        let most = MappedAnswer::MOST;
        return Err(s.wrong("answers", &format!("more than {most}; remove those that no longer come")));
    }
    let answers: Vec<Read<MappedAnswer>> = sections.into_iter().map(answer).collect();
    answers.into_iter().collect()
}

fn answer(mut s: Section<'_>) -> Read<MappedAnswer> {
    const CALL: &str = "copy the section from the task of the unknown answer";
    let call = s.required(
        "call",
        |leaf| {
            let name = kinds::text(leaf)?;
            GoogleCall::named(&name).ok_or_else(|| format!("no call of carepass; {CALL}"))
        },
        CALL,
    );
    let status = s.required("status", kinds::whole(300..=599), CALL);
    let reason = s.optional("reason", kinds::text);
    let message = s.optional("message", kinds::text);
    let words = [
        ("retry", MappedThen::Retry),
        ("slow-down", MappedThen::SlowDown),
        ("not-yet", MappedThen::NotYet),
        ("operator", MappedThen::Operator),
    ];
    let then = s.required("then", kinds::choice(&words), "write retry, slow-down, not-yet or operator");
    s.close();
    Ok(MappedAnswer { call: call?, status: status?, reason: reason?, message: message?, then: then? })
}

/// Limits of grants.
pub(super) fn limits(mut s: Section<'_>) -> Read<Limits> {
    let hour = s.defaulted("grants_per_hour", kinds::whole(0..=100_000));
    let day = s.defaulted("grants_per_day", kinds::whole(0..=1_000_000));
    let source_hour = s.optional("source_grants_per_hour", kinds::whole(0..=100_000));
    let source_day = s.optional("source_grants_per_day", kinds::whole(0..=1_000_000));
    s.close();
    Ok(Limits {
        grants_per_hour: hour?,
        grants_per_day: day?,
        source_grants_per_hour: source_hour?,
        source_grants_per_day: source_day?,
    })
}

/// Approval.
pub(super) fn approval(mut s: Section<'_>) -> Read<Approval> {
    let required = s.defaulted("required", kinds::flag);
    s.close();
    Ok(Approval { required: required? })
}

/// Dates.
pub(super) fn calendar(mut s: Section<'_>) -> Read<Calendar> {
    let lead_time = s.defaulted("lead_time", kinds::days);
    s.close();
    Ok(Calendar { lead_time: lead_time? })
}

/// What others change at Google. Whole lists cost Google's quotas, which a model of Google on this machine does not have.
pub(super) fn drift(mut s: Section<'_>, endpoint: Option<&Endpoint>) -> Read<DriftSettings> {
    const SHORTEST: SignedDuration = SignedDuration::from_hours(1);
    let is_google = endpoint.is_some_and(|endpoint| *endpoint == Endpoint::Google);
    let every = s.defaulted("every", |leaf| match kinds::text(leaf)?.as_str() {
        "never" => Ok(None),
        _ => match kinds::duration(leaf) {
            Ok(every) if is_google && every < SHORTEST => Err(
                "shorter than an hour, and each look reads whole lists; write \"1h\" or longer, or \"never\""
                    .into(),
            ),
            Ok(every) => Ok(Some(every)),
            Err(wrong) => Err(format!("{wrong}, or \"never\"")),
        },
    });
    let words = [("repair", Action::Repair), ("ask", Action::Ask), ("report", Action::Report)];
    let more = s.defaulted("more", kinds::choice(&words));
    let fewer = s.defaulted("fewer", kinds::choice(&words));
    let cosmetic = s.defaulted("cosmetic", kinds::choice(&words));
    let accepted = s.optional("accepted", accepted);
    s.close();
    let policy = Policy { more: more?, fewer: fewer?, cosmetic: cosmetic? };
    Ok(DriftSettings { every: every?, policy, accepted: accepted?.unwrap_or_default() })
}

fn accepted(leaf: &Leaf) -> kinds::Parsed<BTreeSet<FindingId>> {
    const MAX: usize = 1_000;
    let ids: Vec<Option<FindingId>> = kinds::texts(leaf)?.iter().map(|id| id.parse().ok()).collect();
    let ids = ids.into_iter().collect::<Option<BTreeSet<FindingId>>>().filter(|ids| ids.len() <= MAX);
    ids.ok_or_else(|| {
        format!("not a list of at most {MAX} ids of findings; write it like [\"D-0123456789\"]")
    })
}

/// The end of the daemon.
pub(super) fn stop(mut s: Section<'_>) -> Read<Stop> {
    let within = s.defaulted("within", |leaf| {
        let within = kinds::duration(leaf)?;
        if (STOP_MIN..=STOP_MAX).contains(&within) {
            return Ok(within);
        }
        Err("not from 2s to 50s: the service manager would kill carepass first; write it like \"10s\""
            .to_owned())
    });
    s.close();
    Ok(Stop { within: within? })
}

/// This process among those that share a store.
pub(super) fn replica(mut s: Section<'_>) -> Read<Replica> {
    let name = s.optional("name", |leaf| {
        let name = kinds::text(leaf)?;
        let wrong = |_| "not letters, digits, dots, hyphens and underscores, 100 at most".to_owned();
        ReplicaId::new(&name, 0).map(|_| name).map_err(wrong)
    });
    let lease = s.defaulted("lease", |leaf| {
        let lease = kinds::duration(leaf)?;
        if (LEASE_MIN..=LEASE_MAX).contains(&lease) {
            return Ok(lease);
        }
        Err("not from 3s to 2m; write it like \"10s\"".to_owned())
    });
    s.close();
    Ok(Replica { name: name?, lease: lease? })
}

/// The API.
pub(super) fn http(mut s: Section<'_>) -> Read<Http> {
    let listen = s.defaulted("listen", kinds::socket);
    let tokens_file = s.file("tokens_file", Privacy::Public);
    if let (Ok(listen), Ok(None)) = (listen, &tokens_file)
        && !listen.ip().is_loopback()
    {
        s.wrong("listen", "other machines reach it, and without tokens the API refuses everybody; set http.tokens_file, or listen on 127.0.0.1");
    }
    let tokens = tokens_file.and_then(|file| tokens(&s, file.as_deref()));
    let hosts = s.optional("hosts", kinds::hosts);
    s.close();
    Ok(Http { listen: listen?, tokens: tokens?, hosts: hosts?.unwrap_or_default() })
}

/// Every fault of the tokens file is one of the configuration.
fn tokens(s: &Section<'_>, file: Option<&Path>) -> Read<Tokens> {
    let random = SystemRandom::new();
    let Some(file) = file else {
        return Tokens::none(&random).map_err(|error| s.wrong("tokens_file", &error.to_string()));
    };
    Tokens::read(file, &random).map_err(|error| {
        let faults = error.to_string();
        for fault in faults.lines() {
            s.wrong("tokens_file", &format!("{}: {fault}", file.display()));
        }
        Faulty
    })
}

/// The numbers of the machine.
pub(super) fn engine(mut s: Section<'_>) -> Read<Rules> {
    let lease = s.defaulted("lease", kinds::duration);
    let attempts_max = s.defaulted("attempts_max", kinds::whole(1..=1000));
    let patience = s.defaulted("patience", kinds::duration);
    let backoff_min = s.defaulted("backoff_min", kinds::duration);
    let backoff_max = s.defaulted("backoff_max", kinds::duration);
    let settle = s.defaulted("settle", kinds::duration);
    let look_min = s.defaulted("look_min", kinds::duration);
    let look_max = s.defaulted("look_max", kinds::duration);
    in_order(&s, ("backoff_min", backoff_min), ("backoff_max", backoff_max));
    in_order(&s, ("look_min", look_min), ("look_max", look_max));
    s.close();
    Ok(Rules {
        lease: lease?,
        attempts_max: attempts_max?,
        patience: patience?,
        backoff_min: backoff_min?,
        backoff_max: backoff_max?,
        settle: settle?,
        look_min: look_min?,
        look_max: look_max?,
    })
}

type Bound = (&'static str, Read<SignedDuration>);

fn in_order(s: &Section<'_>, min: Bound, max: Bound) {
    if let (Ok(shortest), Ok(longest)) = (min.1, max.1)
        && shortest > longest
    {
        let key = if s.is_said(min.0) { min.0 } else { max.0 };
        s.wrong(key, &format!("{} is longer than {}; swap or change them", min.0, max.0));
    }
}

/// Languages.
pub(super) fn language(mut s: Section<'_>) -> Read<Languages> {
    let names_default = s.defaulted("names_default", language_tag);
    let words = [("en", Language::English), ("sv", Language::Swedish)];
    let messages_default = s.defaulted("messages_default", kinds::choice(&words));
    s.close();
    Ok(Languages { names_default: names_default?, messages_default: messages_default? })
}

fn language_tag(leaf: &Leaf) -> kinds::Parsed<LanguageTag> {
    LanguageTag::parse(&kinds::text(leaf)?)
        .ok_or_else(|| "not a language tag; write one like sv or de-CH".into())
}

/// Usernames; a name without a language of its own is read in the default one.
pub(super) fn usernames(mut s: Section<'_>, language: Read<&Languages>) -> Read<Naming> {
    let templates = s.defaulted("candidates", |leaf| {
        Template::parse_all(&kinds::texts(leaf)?).map_err(|fault| {
            format!("{fault}; write it like [\"given.family\", \"given.family{{n}}\", \"eng-key\"]")
        })
    });
    let stop = s.optional("stop", stop_words);
    let words = [("ask", Rename::Ask), ("never", Rename::Never), ("alias", Rename::Alias)];
    let rename = s.defaulted("rename", kinds::choice(&words));
    s.close();
    let language = language?.names_default.clone();
    Ok(Naming { language, templates: templates?, stop: stop?.unwrap_or_default(), rename: rename? })
}

fn stop_words(leaf: &Leaf) -> kinds::Parsed<BTreeSet<String>> {
    const MAX: usize = 1000;
    let words = kinds::texts(leaf)?;
    let sound = |word: &String| {
        (1..=64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if words.len() <= MAX && words.iter().all(sound) {
        return Ok(words.into_iter().collect());
    }
    Err(format!("not a list of at most {MAX} words of a-z and 0-9; write it like [\"acme\"]"))
}

/// Logs.
pub(super) fn log(mut s: Section<'_>) -> Read<Log> {
    let words = [("auto", LogFormat::Auto), ("json", LogFormat::Json), ("text", LogFormat::Text)];
    let format = s.defaulted("format", kinds::choice(&words));
    let filter = s.defaulted("filter", |leaf| {
        let filter = kinds::text(leaf)?;
        match tracing_subscriber::EnvFilter::try_new(&filter) {
            Ok(_) => Ok(filter),
            Err(_) => Err("not a log filter; write one like info or info,carepass::google=debug".into()),
        }
    });
    s.close();
    Ok(Log { format: format?, filter: filter? })
}
