//! Broken configurations and what is said about them: every fault at once, with layer, key and what to do.

use super::tests::{LEAST, folder, load_in, write};
use std::fs;

const CONSOLE: &str = "put there the JSON key of the service account as the Google Cloud console gave it";

/// Loads `carepass.toml` and expects exactly these lines, with the folder's name taken out.
fn check_with(text: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let folder = folder(&[("carepass.toml", text), ("empty", "\n"), ("object.json", "{}")]);
    write(folder.path(), "open", "secret", 0o644);
    write(folder.path(), "writable", "", 0o666);
    fs::create_dir(folder.path().join("folder")).unwrap();
    let faults = load_in(folder.path(), &["carepass.toml"], variables).expect_err(text);
    let said = faults.to_string().replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{text} {variables:?}");
    assert!(!said.contains("hunter2"), "{said}");
}

fn check(text: &str, expected: &[&str]) {
    check_with(text, &[], expected);
}

/// One change of the least configuration.
pub(super) fn check_change(from: &str, to: &str, expected: &[&str]) {
    assert!(LEAST.contains(from), "{from}");
    check(&LEAST.replace(from, to), expected);
}

pub(super) fn check_added(section: &str, expected: &[&str]) {
    check(&format!("{section}\n{LEAST}"), expected);
}

pub(super) fn check_reseller(lines: &str, expected: &[&str]) {
    check(&format!("{LEAST}\n{lines}"), expected);
}

fn check_variable(name: &str, value: &str, expected: &[&str]) {
    check_with(LEAST, &[(name, value)], expected);
}

#[test]
fn all_faults_are_named_at_once() {
    check(
        r#"
[intake.amqp]
prefetch = "20"
exchagne = "hr"
url = "http://u:hunter2@h/"

[http]
listen = "localhost"

[mail]
transport = "none"

[[resellers]]
name = "Nordic SE"
customer_id = "01abc"
admin = "robot"

[[resellers]]
name = "nordic-fi"
license = "sites"

[engine]
lease = 90
"#,
        &[
            "carepass.toml: intake.amqp.url: is not a broker's URL; write it like amqps://user:password@host:5671/vhost",
            "carepass.toml: intake.amqp.prefetch: text where a whole number is expected; write it without quotes",
            "carepass.toml: intake.amqp.exchagne: unknown key; did you mean exchange?",
            "carepass.toml: resellers[0].name: not 1 to 40 lower-case letters, digits or '-', starting with a letter or digit; choose one and keep it, since rows and metrics carry it",
            "carepass.toml: resellers[0].customer_id: not a customer id like C01abc123; copy it from Admin console > Account > Account settings",
            "carepass.toml: resellers[0].admin: not an e-mail address in ASCII; write the address of the super administrator to act as",
            "carepass.toml: resellers[0].credentials_file: is missing; name the JSON key of the reseller's service account, or a service account in keyless that Google signs for",
            "carepass.toml: resellers[1].customer_id: is missing; copy it from Admin console > Account > Account settings",
            "carepass.toml: resellers[1].admin: is missing; write the address of the super administrator to act as",
            "carepass.toml: resellers[1].credentials_file: is missing; name the JSON key of the reseller's service account, or a service account in keyless that Google signs for",
            "carepass.toml: resellers[1].license: none of auto, site, per-user; did you mean site?",
            "carepass.toml: http.listen: not an address and a port; write them like 127.0.0.1:8080 or [::1]:8080",
            "carepass.toml: engine.lease: a number where a duration is expected; write it like \"90s\", \"15m\" or \"1h\"",
        ],
    );
}

#[test]
fn the_file_itself() {
    check(
        "a = \"hunter2\nb = 1",
        &["carepass.toml: line 1 is not TOML (invalid basic string, expected `\"`); correct that line"],
    );
    check(
        "mail.transport = \"none\"",
        &["resellers: is missing; add a section [[resellers]] for each reseller account"],
    );
    let missing = load_in(std::path::Path::new("/nowhere"), &["carepass.toml"], &[]).expect_err("no file");
    assert_eq!(missing.to_string(), "/nowhere/carepass.toml: does not exist; create it, or correct the path");
}

#[test]
fn unknown_keys() {
    let unknown = "unknown key";
    check_added(
        "[googel]\nendpoint = \"\"",
        &[&format!("carepass.toml: googel: {unknown}; did you mean google?")],
    );
    check_added(
        "[google]\nendpiont = \"\"",
        &[&format!("carepass.toml: google.endpiont: {unknown}; did you mean endpoint?")],
    );
    check_added("banana = 1", &[&format!("carepass.toml: banana: {unknown}; remove it")]);
    check_added("listen = \"x\"", &[&format!("carepass.toml: listen: {unknown}; did you mean http.listen?")]);
    check_added(
        "\"a[9999999999]\" = 1",
        &[&format!("carepass.toml: \"a[9999999999]\": {unknown}; remove it")],
    );
    check_reseller(
        "org-unit = \"/A\"",
        &[&format!("carepass.toml: resellers[0].org-unit: {unknown}; did you mean org_unit?")],
    );
    check_reseller(
        "role = { kind = \"custom\", name = \"A\", privilege = [] }",
        &[&format!("carepass.toml: resellers[0].role.privilege: {unknown}; did you mean privileges?")],
    );
    check_reseller(
        "role = { privileges = [{ service_id = \"1\", name = \"A\", nam = 1 }] }",
        &[&format!("carepass.toml: resellers[0].role.privileges[0].nam: {unknown}; did you mean name?")],
    );
}

#[test]
fn wrong_types() {
    check_added("store = 1", &["carepass.toml: store: is a section; set a key in it instead"]);
    check_added(
        "[store.path]\na = 1",
        &["carepass.toml: store.path: is a value and no section; write it with ="],
    );
    check_added(
        "[store]\npath = 1",
        &["carepass.toml: store.path: a number where text is expected; put it in quotes"],
    );
    check_added(
        "[intake.amqp]\ndeclare = \"yes\"",
        &[
            "carepass.toml: intake.amqp.declare: text where true or false is expected; write it without quotes",
        ],
    );
    check_added(
        "[intake.amqp]\nallowed_sources = [1]",
        &[
            "carepass.toml: intake.amqp.allowed_sources: not a list of texts; write it like [\"one\", \"two\"]",
        ],
    );
    check_added(
        "[intake.amqp]\nprefetch = 0",
        &["carepass.toml: intake.amqp.prefetch: not a whole number from 1 to 1000; write one"],
    );
    check_added(
        "[google.rates]\nlicensing_per_second = 0",
        &[
            "carepass.toml: google.rates.licensing_per_second: not a rate from 0.01 to 1000 calls per second; write one",
        ],
    );
    check_added(
        "[engine]\nsettle = \"soon\"",
        &[
            "carepass.toml: engine.settle: not a duration from 1ms to a year; write it like \"90s\", \"15m\" or \"1h\"",
        ],
    );
    check_added(
        "[outcomes]\nexchange = \"amq.topic\"",
        &[
            "carepass.toml: outcomes.exchange: not a name of 1 to 200 visible characters outside amq.*; write one like carepass.engineers",
        ],
    );
    check_reseller(
        "role = { privileges = [\"READ\"] }",
        &[
            "carepass.toml: resellers[0].role.privileges: must be a list of sections; write it like [{ … = \"…\" }]",
        ],
    );
    check(
        "resellers = 1\nmail.transport = \"none\"",
        &["carepass.toml: resellers: must be a list of sections; write [[resellers]] above each"],
    );
}

#[test]
fn answers_that_the_operator_names_are_whole_and_never_a_success() {
    let copy = "copy the section from the task of the unknown answer";
    let then = "none of retry, slow-down, not-yet, operator; write one of them";
    let good = "call = \"users.insert\"\nstatus = 418\nthen = \"retry\"";
    let change = |from: &str, to: &str, expected: &str| {
        let section = format!("[[google.answers]]\n{}", good.replace(from, to));
        check_added(&section, &[&format!("carepass.toml: google.answers[0].{expected}")]);
    };
    change("users.insert", "users.makeAdmin", &format!("call: no call of carepass; {copy}"));
    change("users.insert", "token", &format!("call: no call of carepass; {copy}"));
    change("call = \"users.insert\"", "", &format!("call: is missing; {copy}"));
    change("418", "200", "status: not a whole number from 300 to 599; write one");
    change("status = 418", "", &format!("status: is missing; {copy}"));
    change("\"retry\"", "\"done\"", &format!("then: {then}"));
    change("then = \"retry\"", "", "then: is missing; write retry, slow-down, not-yet or operator");
    change("status", "age = 1\nstatus", "age: unknown key; remove it");
    let many = format!("[[google.answers]]\n{good}\n").repeat(51);
    check_added(&many, &["carepass.toml: google.answers: more than 50; remove those that no longer come"]);
}

#[test]
fn another_google_only_on_this_machine() {
    let wrong = "carepass.toml: google.endpoint: must be a base like http://127.0.0.1:9010 on this machine; use one, or leave it empty for Google";
    for endpoint in [
        "https://www.googleapis.com",
        "http://127.0.0.1:80@evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "http://0.0.0.0:9010",
        "http://127.0.0.1:9010/base",
        "http://127.0.0.1:9010/?a=b",
        "ftp://127.0.0.1",
        "127.0.0.1:9010",
        "unix:/run/google",
    ] {
        check_added(&format!("[google]\nendpoint = \"{endpoint}\""), &[wrong]);
    }
}

#[test]
fn files_that_are_named() {
    let open = "open is open to others (mode 0644); chmod 600 open";
    check_change(
        "key.json",
        "none.json",
        &[
            "carepass.toml: resellers[0].credentials_file: none.json does not exist; create it, or correct the path",
        ],
    );
    check_change("key.json", "open", &[&format!("carepass.toml: resellers[0].credentials_file: {open}")]);
    check_change(
        "key.json",
        "folder",
        &["carepass.toml: resellers[0].credentials_file: folder is not a file; name a file here"],
    );
    check_added(
        "[intake.amqp]\nurl_file = \"none\"",
        &["carepass.toml: intake.amqp.url_file: none does not exist; create it, or correct the path"],
    );
    check_added(
        "[intake.amqp]\nurl_file = \"open\"",
        &[&format!("carepass.toml: intake.amqp.url_file: {open}")],
    );
    check_added(
        "[intake.amqp]\nurl_file = \"empty\"",
        &["carepass.toml: intake.amqp.url_file: empty is empty; write the secret into it"],
    );
    check_added(
        "[intake.amqp]\nurl = \"amqp://h/\"\nurl_file = \"key.json\"",
        &["carepass.toml: intake.amqp.url: there is url_file as well; keep one of them"],
    );
    check_added(
        "[http]\ntokens_file = \"none\"",
        &["carepass.toml: http.tokens_file: none does not exist; create it, or correct the path"],
    );
    check_added(
        "[http]\ntokens_file = \"writable\"",
        &[
            "carepass.toml: http.tokens_file: writable can be changed by everybody (mode 0666); chmod o-w writable",
        ],
    );
    check_added("[seal]\nkey_file = \"open\"", &[&format!("carepass.toml: seal.key_file: {open}")]);
    check_added(
        "[seal]\nkey_file = \"none/seal.key\"",
        &[
            "carepass.toml: seal.key_file: the folder of none/seal.key does not exist; create it, or correct the path",
        ],
    );
    check_added(
        "[store]\npath = \"key.json\"",
        &[
            "carepass.toml: store.path: key.json is not a folder; name a folder, which is made if it is missing",
        ],
    );
}

#[test]
fn the_rest_of_the_daemon() {
    check_added(
        "[intake.http]\nenabled = 1",
        &[
            "carepass.toml: intake.http.enabled: a number where true or false is expected; write it without quotes",
        ],
    );
    check_added(
        "[intake]\nkeep_refused = \"1m\"",
        &[
            "carepass.toml: intake.keep_refused: not a time from 1h to ten years; write it like \"90d\" or \"36h\"",
        ],
    );
    check_added(
        "[store]\nbackend = \"postgres\"",
        &[
            "carepass.toml: store.url: is missing; write it like postgres://user:password@host:5432/database, or name a file with it in url_file",
        ],
    );
    check_added(
        "[store]\nurl = \"postgres://u:hunter2@h/\"",
        &[
            "carepass.toml: store.url: names no database; write it like postgres://user:password@host:5432/database",
        ],
    );
    check_added(
        "[store]\nurl = \"postgres://u:hunter2@h/d\"",
        &["carepass.toml: store.url: is for backend = \"postgres\"; write that, or remove it"],
    );
    check_added(
        "[store]\nbackend = \"postgres\"\nurl = \"postgres://u:hunter2@db.example/d?sslmode=disable\"",
        &[
            "carepass.toml: store.url: turns TLS off to another machine: password and events would cross the network in clear; write sslmode=verify-full, or leave it out",
        ],
    );
    check_added(
        "[http]\nlisten = \"0.0.0.0:8080\"",
        &[
            "carepass.toml: http.listen: other machines reach it, and without tokens the API refuses everybody; set http.tokens_file, or listen on 127.0.0.1",
        ],
    );
    check_added(
        "[engine]\nlook_min = \"2h\"",
        &["carepass.toml: engine.look_min: look_min is longer than look_max; swap or change them"],
    );
    check_added(
        "[language]\nmessages_default = \"de\"",
        &["carepass.toml: language.messages_default: none of en, sv; write one of them"],
    );
    check_added(
        "[language]\nnames_default = \"Swedish\"",
        &["carepass.toml: language.names_default: not a language tag; write one like sv or de-CH"],
    );
    check_added(
        "portal_url = \"http://x.example\"",
        &["carepass.toml: portal_url: not an address of a page; write one that starts with https://"],
    );
    check_added(
        "[log]\nfilter = \"a=b=c\"",
        &["carepass.toml: log.filter: not a log filter; write one like info or info,carepass::google=debug"],
    );
}

#[test]
fn the_environment() {
    check_variable(
        "CAREPASS__GOOGLE__ENDPIONT",
        "x",
        &["CAREPASS__GOOGLE__ENDPIONT: google.endpiont: unknown key; did you mean endpoint?"],
    );
    check_variable(
        "CAREPASS__GOOGLE_ENDPOINT",
        "x",
        &["CAREPASS__GOOGLE_ENDPOINT: google_endpoint: unknown key; did you mean google.endpoint?"],
    );
    check_variable(
        "CAREPASS_GOOGLE__ENDPOINT",
        "x",
        &["CAREPASS_GOOGLE__ENDPOINT: is not read; write CAREPASS__GOOGLE__ENDPOINT"],
    );
    check_variable(
        "CAREPASS_HTTP_LISTEN",
        "x",
        &["CAREPASS_HTTP_LISTEN: is not read; write CAREPASS__HTTP__LISTEN"],
    );
    check_variable(
        "CAREPASS__STORE",
        "x",
        &["CAREPASS__STORE: store: is a section; set a key in it instead"],
    );
    check_variable(
        "CAREPASS__STORE__",
        "x",
        &["CAREPASS__STORE__: is not a key; write it like CAREPASS__STORE__PATH"],
    );
    check_variable(
        "CAREPASS__A[9999999999]",
        "x",
        &["CAREPASS__A[9999999999]: is not a key; write it like CAREPASS__STORE__PATH"],
    );
    check_variable(
        "CAREPASS__HTTP__LISTEN",
        "x",
        &[
            "CAREPASS__HTTP__LISTEN: http.listen: not an address and a port; write them like 127.0.0.1:8080 or [::1]:8080",
        ],
    );
    check_variable(
        "CAREPASS__LIMITS__GRANTS_PER_DAY",
        "many",
        &[
            "CAREPASS__LIMITS__GRANTS_PER_DAY: limits.grants_per_day: not a whole number from 0 to 1000000; write one",
        ],
    );
    check_variable(
        "CAREPASS__RESELLERS__NORDIK_SE__ADMIN",
        "x",
        &["CAREPASS__RESELLERS__NORDIK_SE__ADMIN: no file has a reseller nordik-se; did you mean NORDIC_SE?"],
    );
    check_variable(
        "CAREPASS__RESELLERS__NORDIC_SE__ADMIN",
        "x",
        &[
            "CAREPASS__RESELLERS__NORDIC_SE__ADMIN: resellers.nordic-se.admin: not an e-mail address in ASCII; write the address of the super administrator to act as",
        ],
    );
    check_variable(
        "CAREPASS__STORE__PATH",
        "",
        &["CAREPASS__STORE__PATH: store.path: is missing; leave the key out to have the default"],
    );
}

#[test]
fn keys_urls_and_tokens_that_cannot_be_used_are_named_together() {
    check(
        r#"
[intake.amqp]
url = "amqp://u:hunter2@[::1]:5672"

[http]
tokens_file = "key.json"

[mail]
transport = "none"

[[resellers]]
name = "nordic-fi"
customer_id = "C02def456"
admin = "robot@reseller-fi.example"
credentials_file = "object.json"

[[resellers]]
name = "nordic-se"
customer_id = "C01abc123"
admin = "robot@reseller-se.example"
credentials_file = "empty"
"#,
        &[
            "carepass.toml: intake.amqp.url: has an IPv6 address in it, which the AMQP library cannot use; give the broker a host name",
            &format!(
                "carepass.toml: resellers[0].credentials_file: object.json: the key file is not a service account's JSON; {CONSOLE}"
            ),
            &format!(
                "carepass.toml: resellers[1].credentials_file: empty: the key file is not a service account's JSON; {CONSOLE}"
            ),
            "carepass.toml: http.tokens_file: key.json: not a tokens file: invalid key-value pair, expected key; write there what `carepass token new` prints",
        ],
    );
    check_added(
        "[google]\nendpoint = \"http://10.0.0.1\"",
        &[
            "carepass.toml: google.endpoint: must be a base like http://127.0.0.1:9010 on this machine; use one, or leave it empty for Google",
        ],
    );
}

#[test]
fn tokens_have_all_their_faults_named() {
    let tokens = "[[tokens]]\nname = \"\"\nrole = \"viewer\"\nhash = \"hunter2\"";
    let folder =
        folder(&[("carepass.toml", &format!("[http]\ntokens_file = \"t\"\n{LEAST}")), ("t", tokens)]);
    let faults = load_in(folder.path(), &["carepass.toml"], &[]).expect_err("faulty tokens").to_string();
    let lines: Vec<_> = faults.lines().collect();
    assert_eq!(lines.len(), 2, "{faults}");
    assert!(lines.iter().all(|line| line.contains("carepass.toml: http.tokens_file: ")), "{faults}");
    assert!(!faults.contains("hunter2"), "{faults}");
}

#[test]
fn patterns_and_stop_words_of_usernames_are_checked() {
    let like = "write it like [\"given.family\", \"given.family{n}\", \"eng-key\"]";
    check_added(
        "[usernames]\ncandidates = [\"givn.family\"]\nstop = [\"Acme\"]",
        &[
            &format!(
                "carepass.toml: usernames.candidates: has a piece that is none of given, family, g, m, f, {{n}}, eng-key, key, '.', '-' and '_'; {like}"
            ),
            "carepass.toml: usernames.stop: not a list of at most 1000 words of a-z and 0-9; write it like [\"acme\"]",
        ],
    );
}
