//! What loads and is unwise nevertheless. `check` shows it, `serve` logs it. Not here: what is wrong (`fault`).

use super::sections::{Config, ResellerSection};
use crate::model::handover::Delivery;

impl Config {
    /// What an operator should know, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn = |is_so: bool, text: &str| {
            if is_so {
                warnings.push(text.to_owned());
            }
        };
        let amqp = self.intake.amqp.as_ref();
        let http = self.intake.http;
        warn(
            amqp.is_none() && !http,
            "intake.amqp.url is empty: no events come in, and nobody is told of outcomes",
        );
        warn(
            amqp.is_none() && http,
            "intake.amqp.url is empty: events come in over HTTP only, and nobody is told of outcomes",
        );
        warn(
            (amqp.is_some() || http) && self.intake.allowed_sources.is_empty(),
            "intake.amqp.allowed_sources is empty: events of any source are taken",
        );
        warn(
            amqp.is_some_and(|amqp| amqp.endpoint.is_in_clear()),
            "intake.amqp.url is amqp:// to another machine: password and events cross the network in clear; use amqps://",
        );
        let by_link = |section: &ResellerSection| section.reseller.handover == Delivery::Link;
        let links = self.resellers.iter().any(by_link);
        let here = self.handover.public_url.is_none();
        warn(
            links && here,
            "handover.public_url is empty: links to first passwords can be opened on this machine only",
        );
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LEAST, folder, load_in};

    #[test]
    fn what_is_unwise_is_said() {
        let check = |amqp: &str, expected: &[&str]| {
            let text = format!("[intake.amqp]\n{amqp}\n{LEAST}");
            let folder = folder(&[("carepass.toml", text.as_str())]);
            let warnings = load_in(folder.path(), &["carepass.toml"], &[]).unwrap().warnings();
            let keys: Vec<&str> = warnings.iter().map(|text| text.split_once(' ').unwrap().0).collect();
            assert_eq!(keys.last(), Some(&"handover.public_url"));
            let keys = &keys[..keys.len() - 1];
            assert_eq!(keys, expected, "{amqp}");
            assert!(!warnings.concat().contains("hunter2"));
        };
        check("", &["intake.amqp.url"]);
        check("[intake.http]\nenabled = true", &["intake.amqp.url", "intake.amqp.allowed_sources"]);
        check("url = \"amqps://u:hunter2@mq.example\"", &["intake.amqp.allowed_sources"]);
        check("url = \"amqp://u:hunter2@mq.example\"\nallowed_sources = [\"a\"]", &["intake.amqp.url"]);
        check("url = \"amqp://u:hunter2@127.0.0.1\"\nallowed_sources = [\"a\"]", &[]);
    }
}
