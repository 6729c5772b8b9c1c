//! What an operator is told when the database cannot be used, each case on a real cluster: what is so, and what to do; never the password.
//! Not here: the URL's own faults (`endpoint`).

use super::node::{PostgresNode, shared};
use super::tests::open;
use super::*;
use crate::model::authorities::Authorities;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use secrecy::SecretString;

/// A password that must not be seen.
const SECRET: &str = "hunter2";

async fn told(url: &str, expected: &str) {
    let error = open(url).await.map(|_| ()).unwrap_err();
    let StoreError::Unavailable(text) = &error else { panic!("{url}: {error:?}") };
    assert!(text.contains(expected) && !text.contains(SECRET), "{url}: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_in_plain_words() {
    let mut node = PostgresNode::start("");
    let as_carepass = node.url("");
    let as_user =
        |user: &str, database: &str| as_carepass.replace("carepass@", &format!("{user}@")) + database;
    node.sql("postgres", "create role weak login; create role locked login password 'x'");
    node.sql("postgres", "create database shut");
    node.put("pg_hba.conf", "host all locked 127.0.0.1/32 scram-sha-256\nhost shut all 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 trust\n");
    node.sql("postgres", "select pg_reload_conf()");
    let fresh = node.fresh_database();

    told(&as_user(&format!("locked:{SECRET}"), &fresh), "refuses the password of locked").await;
    told(&as_user("locked", &fresh), "asks for the password of locked").await;
    told(&as_user("carepass", "shut"), "see pg_hba.conf there").await;
    told(&as_user("carepass", "nowhere"), "createdb -E UTF8 -T template0 -O carepass nowhere").await;
    told(&as_user("weak", &fresh), "weak lacks a permission").await;
    told(&format!("{}?sslmode=verify-full", node.url(&fresh)), "speaks no TLS").await;

    node.sql("postgres", "create database ascii encoding SQL_ASCII locale 'C' template template0");
    told(&node.url("ascii"), "encoding is SQL_ASCII").await;
    node.sql("postgres", "create database frozen template template0");
    node.sql("postgres", "alter database frozen set default_transaction_read_only = on");
    told(&node.url("frozen"), "default_transaction_read_only is on").await;

    // A user that may make nothing in the database, and finds a schema that was made for it.
    node.sql(&fresh, "create schema carepass authorization weak");
    let store = open(&as_user("weak", &fresh)).await.unwrap();
    store.close().await;
    node.sql(&fresh, "insert into carepass.schema_version (version) values (1000)");
    told(&node.url(&fresh), "its tables have version 1000, and this carepass knows 1").await;
    assert!(matches!(look(&tests::endpoint(&node.url(&fresh))).await, Err(StoreError::Unavailable(_))));

    node.sql("postgres", "alter system set fsync = off");
    node.sql("postgres", "select pg_reload_conf()");
    told(&node.url("postgres"), "fsync is off").await;
    node.put("standby.signal", "");
    tokio::task::block_in_place(|| node.restart());
    told(&node.url("postgres"), "it is a standby").await;
    node.kill9();
    told(&node.url("postgres"), "nobody listens there").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_makes_nothing_and_says_what_is_there() {
    let url = shared().url(&shared().fresh_database());
    let seen = look(&tests::endpoint(&url)).await.unwrap();
    assert!(!seen.is_made && seen.has_full_pages, "{seen:?}");
    assert_eq!(look(&tests::endpoint(&url)).await.unwrap(), seen);
    open(&url).await.unwrap();
    assert!(look(&tests::endpoint(&url)).await.unwrap().is_made);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_before_it_has_synced_is_told_to_sync() {
    let database = shared().fresh_database();
    shared().sql("postgres", &format!("alter database {database} set synchronous_commit = off"));
    let store = Session::connect(&tests::endpoint(&shared().url(&database))).await.unwrap();
    let row = store.client.query_one("show synchronous_commit", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "on");
}

/// An authority, and what it vouches for: a certificate for 127.0.0.1 and its key.
fn authority() -> (String, String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
    (ca, certificate.pem(), own.serialize_pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_known_by_its_authority_and_its_name() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut node = PostgresNode::start("");
    let (ca, certificate, key) = authority();
    node.put("server.crt", &certificate);
    node.put("server.key", &key);
    node.sql("postgres", "alter system set ssl = on");
    node.put("pg_hba.conf", "hostssl all all 127.0.0.1/32 trust\n");
    tokio::task::block_in_place(|| node.restart());
    let tls = |url: &str, ca: Option<&str>| {
        let authorities = ca.map(|ca| Authorities::parse(ca).unwrap());
        Endpoint::parse(&SecretString::from(url), authorities).unwrap()
    };
    let (url, own) = (node.url("postgres"), Some(ca.as_str()));
    let session = Session::connect(&tls(&url, own)).await.unwrap();
    let row = session.client.query_one("select ssl from pg_stat_ssl where pid = pg_backend_pid()", &[]).await;
    assert!(row.unwrap().get::<_, bool>(0));
    Opening::connect(&tls(&url, own)).await.unwrap();
    let told = async |endpoint: &Endpoint, expected: &str| {
        let error = Opening::connect(endpoint).await.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let (other, _, _) = authority();
    told(&tls(&url, Some(&other)), "name the authority in store.ca_file").await;
    told(&tls(&format!("{url}?sslmode=verify-full"), None), "name the authority in store.ca_file").await;
    told(&tls(&url.replace("127.0.0.1", "localhost"), own), "is for another name").await;
    told(&tls(&url, None), "see pg_hba.conf there").await;
}
