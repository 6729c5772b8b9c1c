//! What is said about faulty names and addresses: of the broker, of outcomes, of the API.

use super::fault_tests::check_added;
use super::tests::{LEAST, folder, load_in, write};

#[test]
fn what_a_lenient_parser_would_take_for_localhost() {
    let example = "write it like amqps://user:password@host:5671/vhost";
    for (url, wrong) in [
        ("amqp:///vhost", format!("names no host; {example}")),
        ("amqp://u:hunter2@/vhost", format!("is not a broker's URL; {example}")),
    ] {
        let fault = format!("carepass.toml: intake.amqp.url: {wrong}");
        check_added(&format!("[intake.amqp]\nurl = \"{url}\""), &[&fault]);
    }
}

#[test]
fn names_at_the_broker_are_distinct() {
    for queue in ["carepass.leavers", "carepass.dead-letters", "carepass.outcomes"] {
        check_added(
            &format!("[intake.amqp]\nqueue = \"{queue}\""),
            &[&format!(
                "carepass.toml: intake.amqp.queue: {queue} is another queue of carepass; choose a name of its own, like carepass.engineers"
            )],
        );
    }
    check_added(
        "[intake.amqp]\nexchange = \"carepass.dead\"",
        &[
            "carepass.toml: intake.amqp.exchange: events and dead letters have the same exchange; give each its own, like hr.events and carepass.dead",
        ],
    );
    check_added(
        "[outcomes]\nexchange = \"hr.events\"",
        &[
            "carepass.toml: outcomes.exchange: events and outcomes have the same exchange; give each its own, like hr.events and carepass.outcomes",
        ],
    );
    check_added(
        "[intake.amqp]\ndead_letter_exchange = \"carepass.outcomes\"",
        &[
            "carepass.toml: intake.amqp.dead_letter_exchange: dead letters and outcomes have the same exchange; give each its own, like carepass.dead and carepass.outcomes",
        ],
    );
}

#[test]
fn hosts_and_sources() {
    for host in ["https://carepass.example", "carepass.example:443", "carepass.example/", "a b", "a..b", ""] {
        let wrong = if host.is_empty() {
            "not a list of texts; write it like [\"one\", \"two\"]"
        } else {
            "not a list of host names without scheme and port; write it like [\"carepass.example\"]"
        };
        check_added(
            &format!("[http]\nhosts = [\"{host}\"]"),
            &[&format!("carepass.toml: http.hosts: {wrong}")],
        );
    }
    for source in ["urn:care pass", "urn:å", &"x".repeat(257)] {
        check_added(
            &format!("[outcomes]\nsource = \"{source}\""),
            &[
                "carepass.toml: outcomes.source: not a URI reference of 1 to 256 characters; write one like urn:carepass or https://carepass.example/",
            ],
        );
    }
}

#[test]
fn keys_of_sources_are_whole_distinct_and_of_sources_that_are_taken() {
    let key = |source: &str, public_key: &str| {
        format!("[[intake.keys]]\nsource = \"{source}\"\nid = \"k1\"\npublic_key = \"{public_key}\"\n")
    };
    let taken = "[intake.amqp]\nallowed_sources = [\"urn:hr\"]\n";
    let good = key("urn:hr", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    check_added(
        &good,
        &[
            "carepass.toml: intake.keys: protects nothing while events of any other source are taken unsigned; name the sources that are taken in intake.amqp.allowed_sources",
        ],
    );
    check_added(
        &format!("{taken}{good}{good}"),
        &["carepass.toml: intake.keys[1].id: the source has a key of that name already; give each its own"],
    );
    check_added(
        &format!("{taken}{}", key("urn:hr", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR")),
        &[
            "carepass.toml: intake.keys[0].public_key: not a public key of Ed25519: 32 bytes in base64url without padding; copy the section that `carepass event keygen` shows",
        ],
    );
    check_added(
        &format!("[intake.amqp]\nallowed_sources = [\"urn:payroll\"]\n{good}"),
        &[
            "carepass.toml: intake.keys[0].source: is not among intake.amqp.allowed_sources, so nothing is taken from it; add it there",
        ],
    );
}

#[test]
fn how_the_broker_is_known_and_what_it_is_shown() {
    let made = || rcgen::generate_simple_self_signed(["mq.example".to_owned()]).unwrap();
    let (own, other) = (made(), made());
    let load = |lines: &str| {
        let folder = folder(&[
            ("carepass.toml", &format!("[intake.amqp]\n{lines}\n{LEAST}")),
            ("ca.pem", &other.cert.pem()),
            ("own.pem", &own.cert.pem()),
            ("own.key", &own.signing_key.serialize_pem()),
            ("other.key", &other.signing_key.serialize_pem()),
        ]);
        write(folder.path(), "open.key", &own.signing_key.serialize_pem(), 0o644);
        let loaded = load_in(folder.path(), &["carepass.toml"], &[]);
        loaded.map_err(|faults| faults.to_string().replace(&format!("{}/", folder.path().display()), ""))
    };
    let check = |lines: &str, expected: &[&str]| {
        let said = load(lines).expect_err(lines);
        let expected: Vec<_> =
            expected.iter().map(|line| format!("carepass.toml: intake.amqp.{line}")).collect();
        assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{lines}");
        assert!(!said.contains("hunter2"));
    };
    let url = "url = \"amqps://u:hunter2@mq.example\"\n";
    let whole = "ca_file = \"ca.pem\"\nclient_certificate_file = \"own.pem\"\nclient_key_file = \"own.key\"";
    let amqp = load(&format!("{url}{whole}")).unwrap().intake.amqp.unwrap();
    assert_eq!(amqp.endpoint.to_string(), "amqps://mq.example:5671//");
    assert!(load(&format!("{url}ca_file = \"ca.pem\"")).is_ok());

    let refuse = |line: &str, expected: &str| check(&format!("{url}{line}"), &[expected]);
    refuse(
        "ca_file = \"own.key\"",
        "ca_file: own.key holds no certificates in PEM, which begin with -----BEGIN CERTIFICATE-----; name the right file",
    );
    refuse(
        "client_certificate_file = \"own.pem\"",
        "client_key_file: is missing; name the key of client_certificate_file",
    );
    refuse(
        "client_key_file = \"own.key\"",
        "client_certificate_file: is missing; name the certificate that the client's key is for",
    );
    let pair = |key: &str| {
        format!("ca_file = \"ca.pem\"\nclient_certificate_file = \"own.pem\"\nclient_key_file = \"{key}\"")
    };
    refuse(&pair("other.key"), "client_certificate_file: cannot be used: the key is not the certificate's");
    refuse(&pair("open.key"), "client_key_file: open.key is open to others (mode 0644); chmod 600 open.key");
    refuse(
        &pair("own.pem"),
        "client_key_file: no private key in PEM without a password, which begins with -----BEGIN PRIVATE KEY-----; ask whoever made the certificate",
    );
    check(
        &format!("url = \"amqp://u:hunter2@mq.example\"\n{whole}"),
        &[
            "ca_file: is for a broker that encrypts, and the URL begins with amqp://; write amqps://, or remove it",
        ],
    );
}
