//! Whether a host is this machine, by its name or number alone: where secrets may travel in clear. Not here: asking a resolver.

use core::net::IpAddr;

/// `localhost` (RFC 6761, section 6.3) and the loopback addresses, with or without the brackets of a URL.
pub fn is_this_machine(host: &str) -> bool {
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || number.is_ok_and(|number| number.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        let check = |host: &str, expected: bool| assert_eq!(is_this_machine(host), expected, "{host}");
        check("localhost", true);
        check("127.0.0.1", true);
        check("127.8.9.1", true);
        check("::1", true);
        check("[::1]", true);
        check("0.0.0.0", false);
        check("192.0.2.7", false);
        check("127.0.0.1.evil.example", false);
        check("localhost.evil.example", false);
        check("", false);
    }
}
