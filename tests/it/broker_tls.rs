//! TLS and mutual TLS to a real broker: who may vouch for it, and what carepass shows. From the configuration on, as an operator writes it.
//! Not here: faults in the configuration itself (`config/broker_tests`).

use crate::fixture::Neighbour;
use crate::fixture::process::carepass;
use crate::rabbit::RabbitNode;
use carepass::amqp::look_at_queues;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// An authority.
fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut wanted = CertificateParams::new(Vec::new()).unwrap();
    wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wanted.distinguished_name.push(DnType::CommonName, name);
    let made = wanted.self_signed(&key).unwrap();
    (made.pem(), Issuer::new(wanted, key))
}

/// A certificate and its key, as `NAME.pem` and `NAME.key`.
fn certify(folder: &Path, name: &str, addresses: &[&str], by: &Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let mut wanted = CertificateParams::new(addresses).unwrap();
    wanted.distinguished_name.push(DnType::CommonName, name);
    wanted.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    write(folder, &format!("{name}.pem"), &wanted.signed_by(&key, by).unwrap().pem());
    write(folder, &format!("{name}.key"), &key.serialize_pem());
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_by_tls_is_met_only_by_whom_both_sides_trust() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (ours, by_ours) = authority("ours");
    let (others, by_others) = authority("others");
    write(folder.path(), "ca.pem", &ours);
    write(folder.path(), "others.pem", &others);
    certify(folder.path(), "broker", &["127.0.0.1"], &by_ours);
    certify(folder.path(), "carepass", &[], &by_ours);
    certify(folder.path(), "stranger", &[], &by_others);
    let node = RabbitNode::start_with_tls(folder.path());
    node.ctl(&["add_user", "carepass", "unused"]);
    node.ctl(&["set_permissions", "-p", "/", "carepass", "^$", "^$", "^$"]);
    let neighbour = Neighbour::start().await;

    let by_number = node.tls_url("guest:guest", "127.0.0.1");
    let by_name = node.tls_url("guest:guest", "localhost");
    let by_certificate = format!("{}?auth_mechanism=external", node.tls_url("nobody", "127.0.0.1"));
    let refused_by_broker = "intake.amqp.client_certificate_file";
    for (url, ca, certificate, expected) in [
        (&by_number, "ca.pem", "carepass", Ok(())),
        (&by_certificate, "ca.pem", "carepass", Ok(())),
        (&by_number, "others.pem", "carepass", Err("intake.amqp.ca_file")),
        (&by_number, "", "carepass", Err("intake.amqp.ca_file")),
        (&by_name, "ca.pem", "carepass", Err("for another name")),
        (&by_number, "ca.pem", "", Err(refused_by_broker)),
        (&by_number, "ca.pem", "stranger", Err(refused_by_broker)),
        (&by_certificate, "ca.pem", "stranger", Err(refused_by_broker)),
    ] {
        let file =
            |name: &str, end: &str| if name.is_empty() { String::new() } else { at(&format!("{name}{end}")) };
        let config = neighbour.config(&[
            ("INTAKE__AMQP__URL", url),
            ("INTAKE__AMQP__CA_FILE", &file(ca, "")),
            ("INTAKE__AMQP__CLIENT_CERTIFICATE_FILE", &file(certificate, ".pem")),
            ("INTAKE__AMQP__CLIENT_KEY_FILE", &file(certificate, ".key")),
        ]);
        let endpoint = config.intake.amqp.unwrap().endpoint;
        let met = look_at_queues(&endpoint, &["none"]).await.map_err(|error| error.to_string());
        let case = format!("{endpoint} '{ca}' '{certificate}': {met:?}");
        match expected {
            Ok(()) => assert_eq!(met, Ok(vec![None]), "{case}"),
            Err(words) => assert!(met.is_err_and(|said| said.contains(words)), "{case}"),
        }
    }

    // As the operator sees it, on a machine that trusts our authority: whoever names another one trusts that one alone.
    for (ca, expected) in [("", "warning"), ("others.pem", "fault")] {
        let ca = if ca.is_empty() { String::new() } else { at(ca) };
        let variables = neighbour.environment(&[
            ("INTAKE__AMQP__URL", &by_number),
            ("INTAKE__AMQP__CA_FILE", &ca),
            ("INTAKE__AMQP__CLIENT_CERTIFICATE_FILE", &at("carepass.pem")),
            ("INTAKE__AMQP__CLIENT_KEY_FILE", &at("carepass.key")),
        ]);
        let mut check = tokio::process::Command::from(carepass());
        check.args(["check", "--online", "--json", "--config"]).arg(neighbour.configuration_file());
        check.envs(variables).env("SSL_CERT_FILE", at("ca.pem")).kill_on_drop(true);
        let output = check.output().await.unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let broker = &answer["broker"];
        assert_eq!(broker["grade"], expected, "'{ca}': {broker}");
        let refused = broker.to_string().contains("intake.amqp.ca_file");
        assert_eq!(refused, expected == "fault", "'{ca}': {broker}");
    }
}
