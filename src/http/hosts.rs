//! Which names this server answers to. A page in somebody's browser can point its own name at 127.0.0.1 (DNS rebinding); such a
//! request carries that name in `Host` and is refused. The probes answer to every name (`front`). Not here: who the caller is (`auth`).

use crate::planted::planted;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// The names that are answered to.
#[derive(Clone, Debug)]
pub struct Hosts {
    names: BTreeSet<String>,
    /// Whether any bare address will do: on a listener for all addresses nobody knows which one is meant, and an address cannot
    /// be rebound.
    any_address: bool,
}

impl Hosts {
    /// Loopback names, the address that is listened on, and what the operator adds (a name behind a proxy).
    pub fn new(listen: SocketAddr, added: impl IntoIterator<Item = String>) -> Self {
        let loopback = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let own = [listen.ip().to_string()];
        let added = added.into_iter().map(|name| name.to_ascii_lowercase());
        Self {
            names: loopback.into_iter().chain(own).chain(added).collect(),
            any_address: listen.ip().is_unspecified(),
        }
    }

    /// Whether a request with these headers, and this authority in its first line, is meant for us.
    pub(super) fn accept(&self, headers: &HeaderMap, authority: Option<&str>) -> bool {
        let mut named = headers.get_all(HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else { return false };
        let known = host.to_str().is_ok_and(|host| self.knows(host));
        known && authority.is_none_or(|host| self.knows(host)) || planted!(HostNotAsked)
    }

    fn knows(&self, authority: &str) -> bool {
        let Some(name) = without_port(authority) else { return false };
        let name = name.to_ascii_lowercase();
        self.names.contains(&name) || (self.any_address && name.parse::<IpAddr>().is_ok())
    }
}

/// Whether the request was sent to this machine by a name of its own: browsers keep such a connection safe without TLS.
pub(super) fn is_loopback(headers: &HeaderMap) -> bool {
    let name = headers.get(HOST).and_then(|host| host.to_str().ok()).and_then(without_port);
    name.is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// The host of an address, as it is answered to.
pub fn host_of(url: &str) -> Option<String> {
    authority_of(url).and_then(without_port).map(str::to_owned)
}

/// What stands between the scheme and the path of an address.
pub(super) fn authority_of(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split('/').next()
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn without_port(authority: &str) -> Option<&str> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?,
        None => authority.find(':').map_or((authority, ""), |at| authority.split_at(at)),
    };
    let port = rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (port && !host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &str, good: &[&str], bad: &[&str]) {
        let hosts = Hosts::new(listen.parse().unwrap(), ["Carepass.Example".to_owned()]);
        let accepted = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            hosts.accept(&headers, None)
        };
        for host in good {
            assert!(accepted(host), "{listen}: {host}");
        }
        for host in bad {
            assert!(!accepted(host), "{listen}: {host}");
        }
    }

    #[test]
    fn only_known_names_are_answered_to() {
        let known = ["localhost", "LOCALHOST:8080", "127.0.0.1:9", "[::1]:8080", "carepass.example"];
        let strange = [
            "",
            "evil.example",
            "localhost.evil.example",
            "localhost:",
            "[::1",
            "a@localhost",
            "localhost:x",
        ];
        check("127.0.0.1:8080", &known, &strange);
        check("127.0.0.1:8080", &known, &["192.0.2.7", "[2001:db8::1]"]);
        check("192.0.2.7:8080", &["192.0.2.7:8080"], &["192.0.2.8"]);
        check("0.0.0.0:8080", &["192.0.2.7:8080", "[2001:db8::1]"], &strange);
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        let hosts = Hosts::new("127.0.0.1:1".parse().unwrap(), []);
        let mut headers = HeaderMap::new();
        assert!(!hosts.accept(&headers, None));
        headers.insert(HOST, "localhost".parse().unwrap());
        assert!(hosts.accept(&headers, Some("127.0.0.1:1")) && !hosts.accept(&headers, Some("evil.example")));
        headers.append(HOST, "localhost".parse().unwrap());
        assert!(!hosts.accept(&headers, None));
    }
}
