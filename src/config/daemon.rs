//! Reading the sections of the daemon itself: intake, outcomes, store, key, Google, limits, HTTP, engine, languages, logs.
//! Not here: reseller accounts and mail, which have files of their own, and the defaults, which stand in `config/default.toml`.

use super::files::{self, Privacy};
use super::kinds;
use super::reader::{Read, Section};
use super::sections::{
    AmqpSection, Backend, Google, Http, Intake, Languages, Limits, Log, LogFormat, Outcomes, Rates, Seal,
    Store,
};
use super::tree::Leaf;
use crate::model::person::{Language, LanguageTag};
use crate::model::rules::Rules;
use amq_protocol::uri::AMQPUri;
use jiff::SignedDuration;
use std::path::PathBuf;

/// Events in.
pub(super) fn intake(mut s: Section<'_>) -> Read<Intake> {
    let amqp = amqp(s.section("amqp"));
    let mut http = s.section("http");
    let http_enabled = http.defaulted("enabled", kinds::flag);
    let http_enabled = http_enabled.and_then(|enabled| {
        if enabled {
            Err(http.wrong("enabled", "true comes with a later release; write false"))
        } else {
            Ok(())
        }
    });
    http.close();
    s.close();
    http_enabled?;
    Ok(Intake { amqp: amqp? })
}

fn amqp(mut s: Section<'_>) -> Read<Option<AmqpSection>> {
    let url = s.secret("url", "url_file", is_broker);
    let exchange = s.defaulted("exchange", kinds::broker_name);
    let queue = s.defaulted("queue", kinds::broker_name);
    let dead_letter_exchange = s.defaulted("dead_letter_exchange", kinds::broker_name);
    let declare = s.defaulted("declare", kinds::flag);
    let prefetch = s.defaulted("prefetch", kinds::whole(1..=1000));
    let allowed_sources = s.optional("allowed_sources", kinds::texts);
    s.close();

    let (exchange, queue, dead_letter_exchange) = (exchange?, queue?, dead_letter_exchange?);
    let (declare, prefetch, allowed_sources) = (declare?, prefetch?, allowed_sources?.unwrap_or_default());
    Ok(url?.map(|url| AmqpSection {
        url,
        exchange,
        queue,
        dead_letter_exchange,
        declare,
        prefetch,
        allowed_sources,
    }))
}

fn is_broker(url: &str) -> Result<(), &'static str> {
    match url.parse::<AMQPUri>() {
        Ok(uri) if !uri.authority.host.is_empty() => Ok(()),
        Ok(_) | Err(_) => Err("not a broker's URL; write it like amqps://user:password@host:5671/vhost"),
    }
}

/// Events out.
pub(super) fn outcomes(mut s: Section<'_>) -> Read<Outcomes> {
    let exchange = s.defaulted("exchange", kinds::broker_name);
    s.close();
    Ok(Outcomes { exchange: exchange? })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BackendKind {
    Embedded,
    Postgres,
}

/// The store.
pub(super) fn store(mut s: Section<'_>) -> Read<Store> {
    let words = [("embedded", BackendKind::Embedded), ("postgres", BackendKind::Postgres)];
    let backend = s.defaulted("backend", kinds::choice(&words));
    let path = s.defaulted("path", folder);
    let url = s.secret("url", "url_file", |_| Ok(()));
    s.close();
    match (backend?, url?) {
        (BackendKind::Postgres, _) => {
            Err(s.wrong("backend", "postgres comes with a later release; write embedded"))
        }
        (BackendKind::Embedded, Some(_)) => {
            let key = if s.is_said("url") { "url" } else { "url_file" };
            Err(s.wrong(key, "is for backend = \"postgres\", which comes with a later release; remove it"))
        }
        (BackendKind::Embedded, None) => Ok(Store { backend: Backend::Embedded { path: path? } }),
    }
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
    let Backend::Embedded { path } = &store?.backend;
    Ok(Seal { key_file: named?.unwrap_or_else(|| path.join("seal.key")) })
}

/// Google.
pub(super) fn google(mut s: Section<'_>) -> Read<Google> {
    let endpoint = s.optional("endpoint", kinds::loopback_base);
    let calls_in_flight = s.defaulted("calls_in_flight", kinds::whole(1..=64));
    let mut r = s.section("rates");
    let directory = r.defaulted("directory_per_second", kinds::rate);
    let user_inserts = r.defaulted("user_inserts_per_second", kinds::rate);
    let org_units = r.defaulted("org_units_per_second", kinds::rate);
    let licensing = r.defaulted("licensing_per_second", kinds::rate);
    let cloud_identity = r.defaulted("cloud_identity_per_second", kinds::rate);
    r.close();
    s.close();
    let rates = Rates {
        directory_per_second: directory?,
        user_inserts_per_second: user_inserts?,
        org_units_per_second: org_units?,
        licensing_per_second: licensing?,
        cloud_identity_per_second: cloud_identity?,
    };
    Ok(Google { endpoint: endpoint?, rates, calls_in_flight: calls_in_flight? })
}

/// Limits of grants.
pub(super) fn limits(mut s: Section<'_>) -> Read<Limits> {
    let hour = s.defaulted("grants_per_hour", kinds::whole(0..=100_000));
    let day = s.defaulted("grants_per_day", kinds::whole(0..=1_000_000));
    s.close();
    Ok(Limits { grants_per_hour: hour?, grants_per_day: day? })
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
    s.close();
    Ok(Http { listen: listen?, tokens_file: tokens_file? })
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

/// Logs.
pub(super) fn log(mut s: Section<'_>, color: bool) -> Read<Log> {
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
    Ok(Log { format: format?, filter: filter?, color })
}
