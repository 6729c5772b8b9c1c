//! Reading what concerns the broker: events in and outcomes out, and that no name there is used for two things. Not here: whether
//! the broker has what is named (`amqp`).

use super::files::{self, Privacy};
use super::kinds::{self, Parsed};
use super::reader::{Read, Section};
use super::sections::{AmqpSection, Intake, Outcomes};
use super::tree::Leaf;
use crate::amqp::{ClientCertificate, DEAD_LETTER_QUEUE, Endpoint, LEAVERS_QUEUE, OUTCOMES_QUEUE, Tls};
use crate::model::authorities::Authorities;
use crate::model::signature::{PublicKey, SourceKey};

/// The sections `intake` and `outcomes`.
pub(super) fn read(root: &mut Section<'_>) -> (Read<Intake>, Read<Outcomes>) {
    let mut intake = root.section("intake");
    let mut amqp_section = intake.section("amqp");
    let amqp = amqp(&mut amqp_section);
    let http = http(intake.section("http"));
    let keys = keys(&mut intake, amqp.as_ref().ok().map(|(names, _)| names.allowed_sources.as_slice()));
    let keep_refused = intake.defaulted("keep_refused", kinds::days);
    intake.close();
    let mut outcomes_section = root.section("outcomes");
    let outcomes = outcomes(&mut outcomes_section);
    if let (Ok((names, _)), Ok(outcomes)) = (&amqp, &outcomes) {
        check_exchanges(names, outcomes, &amqp_section, &outcomes_section);
    }
    let whole = || {
        let (names, endpoint) = amqp?;
        let allowed_sources = names.allowed_sources.clone();
        let amqp = endpoint.map(|endpoint| names.at(endpoint));
        Ok(Intake { amqp, http: http?, allowed_sources, keys: keys?, keep_refused: keep_refused? })
    };
    (whole(), outcomes)
}

/// What is said of the broker besides where it is.
struct Names {
    exchange: String,
    queue: String,
    dead_letter_exchange: String,
    declare: bool,
    prefetch: u16,
    allowed_sources: Vec<String>,
}

impl Names {
    fn at(self, endpoint: Endpoint) -> AmqpSection {
        let Self { exchange, queue, dead_letter_exchange, declare, prefetch, allowed_sources: _ } = self;
        AmqpSection { endpoint, exchange, queue, dead_letter_exchange, declare, prefetch }
    }
}

fn amqp(s: &mut Section<'_>) -> Read<(Names, Option<Endpoint>)> {
    let endpoint =
        s.secret("url", "url_file", |url| Endpoint::parse(&url).map_err(|wrong| wrong.to_string()));
    let tls = tls(s);
    let exchange = s.defaulted("exchange", kinds::broker_name);
    let queue = s.defaulted("queue", queue);
    let dead_letter_exchange = s.defaulted("dead_letter_exchange", kinds::broker_name);
    let declare = s.defaulted("declare", kinds::flag);
    let prefetch = s.defaulted("prefetch", kinds::whole(1..=1000));
    let allowed_sources = s.optional("allowed_sources", kinds::texts);
    s.close();
    let names = Names {
        exchange: exchange?,
        queue: queue?,
        dead_letter_exchange: dead_letter_exchange?,
        declare: declare?,
        prefetch: prefetch?,
        allowed_sources: allowed_sources?.unwrap_or_default(),
    };
    Ok((names, known_by(s, endpoint?, tls?)?))
}

/// What is said of TLS; nothing where nothing is.
fn tls(s: &mut Section<'_>) -> Read<Option<Tls>> {
    let authorities = s.optional("ca_file", |leaf| pem(leaf, Authorities::parse));
    let chain = s.optional("client_certificate_file", |leaf| pem(leaf, ClientCertificate::chain));
    let key = s.secret("client_key", "client_key_file", |text| {
        ClientCertificate::key(&text).map_err(|wrong| format!("{wrong}; ask whoever made the certificate"))
    });
    let (authorities, chain, key) = (authorities?, chain?, key?);
    let certificate = match (chain, key) {
        (Some(chain), Some(key)) => Some(ClientCertificate::new(chain, key)),
        (None, None) => None,
        (Some(_), None) => {
            return Err(s.missing("client_key_file", "name the key of client_certificate_file"));
        }
        (None, Some(_)) => {
            return Err(
                s.missing("client_certificate_file", "name the certificate that the client's key is for")
            );
        }
    };
    if authorities.is_none() && certificate.is_none() {
        return Ok(None);
    }
    let blamed = if certificate.is_some() { "client_certificate_file" } else { "ca_file" };
    Tls::new(authorities.as_ref(), certificate).map(Some).map_err(|wrong| s.wrong(blamed, &wrong.to_string()))
}

/// A file in PEM.
pub(super) fn pem<T, E: std::fmt::Display>(leaf: &Leaf, parse: impl Fn(&str) -> Result<T, E>) -> Parsed<T> {
    let path = kinds::path(leaf)?;
    let text = files::read(&path, Privacy::Public)?;
    parse(&text).map_err(|wrong| format!("{} holds {wrong}; name the right file", path.display()))
}

fn known_by(s: &Section<'_>, endpoint: Option<Endpoint>, tls: Option<Tls>) -> Read<Option<Endpoint>> {
    match (endpoint, tls) {
        (Some(endpoint), Some(tls)) if endpoint.is_encrypted() => Ok(Some(endpoint.with_tls(tls))),
        (Some(_), Some(_)) => {
            let key = ["ca_file", "client_certificate_file"].into_iter().find(|key| s.is_said(key));
            let what = "is for a broker that encrypts, and the URL begins with amqp://; write amqps://, or remove it";
            Err(s.wrong(key.unwrap_or("ca_file"), what))
        }
        (endpoint, _) => Ok(endpoint),
    }
}

/// The main queue: dead letters that came back to it would be refused for ever, leavers and outcomes would come in twice.
fn queue(leaf: &Leaf) -> Parsed<String> {
    let name = kinds::broker_name(leaf)?;
    if [LEAVERS_QUEUE, DEAD_LETTER_QUEUE, OUTCOMES_QUEUE].contains(&name.as_str()) {
        return Err(format!(
            "{name} is another queue of carepass; choose a name of its own, like carepass.engineers"
        ));
    }
    Ok(name)
}

/// The keys of the sources that sign. A source of which nothing is taken needs none.
fn keys(s: &mut Section<'_>, allowed: Option<&[String]>) -> Read<Vec<SourceKey>> {
    const MOST: usize = 100;
    let sections = s.list("keys")?;
    if sections.len() > MOST {
        return Err(s.wrong("keys", &format!("more than {MOST}; remove those that nobody signs with")));
    }
    if !sections.is_empty() && allowed.is_some_and(<[String]>::is_empty) {
        let what = "protects nothing while events of any other source are taken unsigned; name the sources that are taken in intake.amqp.allowed_sources";
        return Err(s.wrong("keys", what));
    }
    let (mut keys, mut whole) = (Vec::<SourceKey>::new(), Ok(()));
    for mut section in sections {
        let key = key(&mut section);
        if let Ok(key) = &key {
            if keys.iter().any(|other| (&other.source, &other.id) == (&key.source, &key.id)) {
                whole =
                    Err(section.wrong("id", "the source has a key of that name already; give each its own"));
            }
            if allowed.is_some_and(|allowed| !allowed.contains(&key.source)) {
                let what =
                    "is not among intake.amqp.allowed_sources, so nothing is taken from it; add it there";
                whole = Err(section.wrong("source", what));
            }
        }
        match key {
            Ok(key) => keys.push(key),
            Err(faulty) => whole = Err(faulty),
        }
    }
    whole.map(|()| keys)
}

fn key(s: &mut Section<'_>) -> Read<SourceKey> {
    const HOW: &str = "copy the section that `carepass event keygen` shows";
    let source = s.required("source", visible, HOW);
    let id = s.required("id", visible, HOW);
    let public_key = s.required(
        "public_key",
        |leaf| {
            let text = kinds::text(leaf)?;
            PublicKey::parse(&text).ok_or_else(|| {
                format!("not a public key of Ed25519: 32 bytes in base64url without padding; {HOW}")
            })
        },
        HOW,
    );
    s.close();
    Ok(SourceKey { source: source?, id: id?, public_key: public_key? })
}

fn visible(leaf: &Leaf) -> Parsed<String> {
    let text = kinds::text(leaf)?;
    let sound = (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if sound {
        Ok(text)
    } else {
        Err("not 1 to 256 visible ASCII characters; write it as the sender does".into())
    }
}

fn http(mut s: Section<'_>) -> Read<bool> {
    let enabled = s.defaulted("enabled", kinds::flag);
    s.close();
    enabled
}

fn outcomes(s: &mut Section<'_>) -> Read<Outcomes> {
    let exchange = s.defaulted("exchange", kinds::broker_name);
    let source = s.defaulted("source", kinds::uri_reference);
    s.close();
    Ok(Outcomes { exchange: exchange?, source: source? })
}

/// Three exchanges, of two kinds, with three meanings. Blamed is the key that somebody said.
fn check_exchanges(names: &Names, outcomes: &Outcomes, amqp: &Section<'_>, told: &Section<'_>) {
    let blame = |one: (&Section<'_>, &str), other: (&Section<'_>, &str), what: &str| {
        let (s, key) = if one.0.is_said(one.1) { one } else { other };
        s.wrong(key, what);
    };
    if names.exchange == names.dead_letter_exchange {
        let what = "events and dead letters have the same exchange; give each its own, like hr.events and carepass.dead";
        blame((amqp, "dead_letter_exchange"), (amqp, "exchange"), what);
    }
    if names.exchange == outcomes.exchange {
        let what = "events and outcomes have the same exchange; give each its own, like hr.events and carepass.outcomes";
        blame((told, "exchange"), (amqp, "exchange"), what);
    }
    if names.dead_letter_exchange == outcomes.exchange {
        let what = "dead letters and outcomes have the same exchange; give each its own, like carepass.dead and carepass.outcomes";
        blame((told, "exchange"), (amqp, "dead_letter_exchange"), what);
    }
}
