//! What is wrong in the section `[mail]`, what a person is told about it, and what loads. Not here: how letters leave (`mail`).

use super::fault_tests::check_change;
use super::tests::{LEAST, folder, load_in, write};
use super::*;
use crate::model::authorities::Authorities;
use crate::model::id::MailAddress;

#[test]
fn faults_are_named() {
    let mail = |lines: &str, expected: &[&str]| check_change("transport = \"none\"", lines, expected);
    mail(
        "transport = \"smtp\"",
        &[
            "carepass.toml: mail.host: is missing; write the mail server's name, or choose transport = \"file\" or \"none\"",
            "carepass.toml: mail.from: is missing; write the address that letters come from",
        ],
    );
    let smtp = "transport = \"smtp\"\nhost = \"h.example\"\nfrom = \"a@b.example\"\n";
    mail(
        &format!("{smtp}tls = \"none\""),
        &[
            "carepass.toml: mail.tls: none is for a mail server on this machine only; write starttls or implicit",
        ],
    );
    mail(
        &format!("{smtp}user = \"u\""),
        &["carepass.toml: mail.password: is missing; set it or password_file, or leave user empty"],
    );
    mail(
        &format!("{smtp}password = \"hunter2\""),
        &["carepass.toml: mail.user: is missing; write the user that the password is for"],
    );
    mail(
        "transport = \"none\"\nport = 70000",
        &["carepass.toml: mail.port: not a whole number from 1 to 65535; write one"],
    );
    mail(
        "transport = \"none\"\noperators = [\"ops\"]\ndigest_at = \"8 o'clock\"\ntime_zone = \"Stockholm\"\nto_managers = \"yes\"",
        &[
            "carepass.toml: mail.operators: one is not an e-mail address in ASCII; write it like [\"ops@nordresale.example\"]",
            "carepass.toml: mail.digest_at: not a time of day; write it like \"08:00\"",
            "carepass.toml: mail.time_zone: not an IANA time zone like Europe/Stockholm; write one",
            "carepass.toml: mail.to_managers: text where true or false is expected; write it without quotes",
        ],
    );
    let crowd = (0..21).map(|number| format!("\"o{number}@b.example\"")).collect::<Vec<_>>().join(", ");
    mail(
        &format!("transport = \"none\"\noperators = [{crowd}]"),
        &["carepass.toml: mail.operators: more than 20; write the address of a mailing list"],
    );
    mail(
        "transport = \"none\"\nca_file = \"/nowhere/ca.pem\"",
        &["carepass.toml: mail.ca_file: /nowhere/ca.pem does not exist; create it, or correct the path"],
    );
}

#[test]
fn who_is_written_to_and_whom_tls_trusts() {
    let made = rcgen::generate_simple_self_signed(["smtp.example".to_owned()]).unwrap();
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let load = |certificates: &str, tls: &str| {
        let lines = format!(
            "transport = \"smtp\"\nhost = \"localhost\"\nfrom = \"a@b.example\"\ntls = \"{tls}\"\nca_file = \"ca.pem\"\n\
             operators = [\"ops@b.example\"]\ndigest_at = \"07:30\"\ntime_zone = \"europe/stockholm\"\nto_managers = false"
        );
        let folder = folder(&[("carepass.toml", &LEAST.replace("transport = \"none\"", &lines))]);
        write(folder.path(), "ca.pem", certificates, 0o644);
        load_in(folder.path(), &["carepass.toml"], &[])
    };
    let mail = load(&pem, "starttls").unwrap().mail;
    let MailTransport::Smtp { authorities, .. } = &mail.transport else { panic!("{mail:?}") };
    assert_eq!(authorities, &Some(Authorities::parse(&pem).unwrap()));
    assert_eq!(mail.operators.iter().map(MailAddress::as_str).collect::<Vec<_>>(), ["ops@b.example"]);
    assert_eq!((mail.digest_at.hour(), mail.digest_at.minute()), (7, 30));
    assert_eq!((mail.time_zone.as_str(), mail.to_managers), ("Europe/Stockholm", false));

    let refused = |certificates: &str, tls: &str| load(certificates, tls).unwrap_err().to_string();
    assert!(refused(&key, "starttls").contains("mail.ca_file: "), "a key is no certificate");
    assert!(refused(&key, "starttls").contains("holds no certificates in PEM"));
    assert!(refused(&pem, "none").contains("mail.ca_file: is for a server that encrypts"));
}
