//! Letters are handed to a real mail server: aiosmtpd, privately on a free port, with STARTTLS and a user. What it does with which
//! recipient is in `tests/python/mail_server.py`. Not here: getting it (`./test` does), and what letters say (`src/mail/golden`).

use crate::fixture::python;
use carepass::mail::{
    Letter, MailError, MailFault, Mailer, MessageId, PortalUrl, Purpose, ReadyAccount, Security, Sender,
    SmtpMailer, SmtpSettings, Welcome, welcome,
};
use carepass::model::authorities::Authorities;
use carepass::model::id::{DomainName, EngineerKey, MailAddress};
use carepass::model::person::Language;
use carepass::model::reseller::CaseAlerts;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use secrecy::SecretString;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The longest that the server may take to say what happened (measured: half a second, most of it for starting).
const LIMIT: Duration = Duration::from_mins(1);
/// As the server knows them.
const USER: &str = "carepass";
const PASSWORD: &str = "generated-for-this-test";

struct Server {
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
    authorities: Option<Authorities>,
    _folder: TempDir,
    _process: Child,
}

impl Server {
    /// With a certificate that an authority of its own has signed.
    async fn encrypting() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authorities = certified(folder.path());
        Self::started(folder, &["server.pem", "server-key.pem"], Some(authorities)).await
    }

    /// Without any means to encrypt.
    async fn plain() -> Self {
        Self::started(tempfile::tempdir().unwrap(), &[], None).await
    }

    async fn started(folder: TempDir, files: &[&str], authorities: Option<Authorities>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/mail_server.py");
        let mut command = Command::new(python());
        command
            .env_clear()
            .args(["-I", "-B"])
            .arg(script)
            .args(files.iter().map(|file| folder.path().join(file)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("Python can be run");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut server = Self { lines, port: 0, authorities, _folder: folder, _process: process };
        let port = server.until("listening").await["port"].as_u64().unwrap();
        server.port = u16::try_from(port).unwrap();
        server
    }

    /// The next thing of this kind that the server says.
    async fn until(&mut self, event: &str) -> Value {
        self.all_until(event).await.pop().unwrap()
    }

    /// Everything that the server says up to a thing of this kind.
    async fn all_until(&mut self, event: &str) -> Vec<Value> {
        let mut heard = Vec::new();
        loop {
            let line =
                timeout(LIMIT, self.lines.next_line()).await.expect("the server says something in time");
            let line = line.unwrap().expect("the server goes on");
            let said: Value = serde_json::from_str(&line).unwrap();
            let is_it = said["event"] == event;
            heard.push(said);
            if is_it {
                return heard;
            }
        }
    }

    fn settings(&self) -> SmtpSettings {
        SmtpSettings {
            host: "127.0.0.1".to_owned(),
            port: Some(self.port),
            security: Security::StartTls,
            authorities: self.authorities.clone(),
            credentials: Some((USER.to_owned(), SecretString::from(PASSWORD))),
            sender: Sender { name: Some("carepass".to_owned()), address: address("carepass@home.example") },
            timeout: LIMIT,
        }
    }

    fn mailer(&self) -> Mailer {
        Mailer::Smtp(SmtpMailer::new(self.settings()).unwrap())
    }
}

/// Makes an authority and a server's certificate of it, written into the folder.
fn certified(folder: &Path) -> Authorities {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&server_key, &issuer).unwrap();
    std::fs::write(folder.join("server.pem"), server.pem()).unwrap();
    std::fs::write(folder.join("server-key.pem"), server_key.serialize_pem()).unwrap();
    Authorities::parse(&authority.pem()).unwrap()
}

fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

/// A welcome to somebody with this name at home.
fn letter(recipient: &str) -> Letter {
    let to = address(&format!("{recipient}@home.example"));
    let account = ReadyAccount {
        address: "asa.oberg@reseller-se.example".to_owned(),
        domain: DomainName::parse("reseller-se.example").unwrap(),
        kind: carepass::mail::AccountKind::New,
        case_alerts: CaseAlerts::CaseSharing,
    };
    let wording = welcome(&Welcome {
        name: "Åsa",
        language: Language::Swedish,
        ready: &[account],
        handovers: &[],
        contact: &to,
        portal: &PortalUrl::default(),
    });
    let message_id = MessageId::of(Purpose::Welcome, &EngineerKey::parse("E-20417").unwrap(), 3, 0);
    let date = "2026-11-22T10:00:00Z".parse().unwrap();
    Letter::new(message_id, date, to, Language::Swedish, wording)
}

#[tokio::test]
async fn a_letter_arrives_whole_encrypted_and_from_a_known_user() {
    let mut server = Server::encrypting().await;
    let letter = letter("asa.oberg");
    assert_eq!(server.mailer().send(&letter).await, Ok(()));
    let arrived = server.until("letter").await;
    assert_eq!((&arrived["tls"], &arrived["user"]), (&true.into(), &USER.into()));
    assert_eq!(arrived["recipients"], serde_json::json!(["asa.oberg@home.example"]));
    assert_eq!(arrived["defects"], serde_json::json!([]));
    assert_eq!(arrived["kinds"], serde_json::json!(["multipart/alternative", "text/plain", "text/html"]));
    assert_eq!((&arrived["plain"], &arrived["html"]), (&letter.text.into(), &letter.html.into()));
    for (name, expected) in [
        ("Message-ID", "<welcome.452d3230343137.3.0@carepass.invalid>"),
        ("From", "carepass <carepass@home.example>"),
        ("To", "asa.oberg@home.example"),
        ("Subject", "Dina konton för Googles kundvårdsportal"),
        ("Date", "Sun, 22 Nov 2026 10:00:00 +0000"),
        ("Auto-Submitted", "auto-generated"),
        ("Content-Language", "sv"),
    ] {
        assert_eq!(arrived["head"][name], expected, "{name}");
    }
}

#[tokio::test]
async fn what_the_server_says_decides_whether_the_same_letter_may_leave_later() {
    use MailError::{Permanent, Transient};
    let server = Server::encrypting().await;
    let mailer = server.mailer();
    for (recipient, expected) in [
        ("unknown", Permanent(MailFault::Reply(550))),
        ("later", Transient(MailFault::Reply(451))),
        ("full", Transient(MailFault::Reply(452))),
        ("spam", Permanent(MailFault::Reply(554))),
        ("hangs-up", Transient(MailFault::Connection)),
    ] {
        assert_eq!(mailer.send(&letter(recipient)).await, Err(expected), "{recipient}");
    }
    let mut long = letter("asa.oberg");
    long.text = "x ".repeat(200_000);
    assert_eq!(mailer.send(&long).await, Err(Permanent(MailFault::Reply(552))));
    assert_eq!(mailer.send(&letter("asa.oberg")).await, Ok(()), "no failure spoils the next letter");
}

/// The letter has arrived and nobody here knows; sent again, the reader's mail program can tell that it is the same.
#[tokio::test]
async fn a_letter_that_is_sent_again_after_a_lost_answer_has_the_same_name() {
    let mut server = Server::encrypting().await;
    let mailer = server.mailer();
    let letter = letter("answer-is-lost");
    let mut arrived = Vec::new();
    for _ in 0..2 {
        assert_eq!(mailer.send(&letter).await, Err(MailError::Transient(MailFault::Connection)));
        arrived.push(server.until("letter").await);
    }
    assert_eq!(arrived[0], arrived[1]);
}

#[tokio::test]
async fn only_the_right_user_hands_in_letters() {
    let server = Server::encrypting().await;
    let check = async |credentials: Option<(&str, &str)>, expected: Result<(), MailError>| {
        let credentials = credentials.map(|(user, password)| (user.to_owned(), SecretString::from(password)));
        let mailer = SmtpMailer::new(SmtpSettings { credentials, ..server.settings() }).unwrap();
        assert_eq!(Mailer::Smtp(mailer).send(&letter("asa.oberg")).await, expected);
    };
    check(Some((USER, PASSWORD)), Ok(())).await;
    check(Some((USER, "another")), Err(MailError::Permanent(MailFault::Reply(535)))).await;
    check(None, Err(MailError::Permanent(MailFault::Reply(530)))).await;
}

/// Neither a public authority nor another one of our own vouches for this server, nor does its own for another name.
#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_no_letter() {
    let mut server = Server::encrypting().await;
    let other = certified(tempfile::tempdir().unwrap().path());
    for authorities in [None, Some(other)] {
        let mailer = SmtpMailer::new(SmtpSettings { authorities, ..server.settings() }).unwrap();
        let sent = Mailer::Smtp(mailer).send(&letter("asa.oberg")).await;
        assert_eq!(sent, Err(MailError::Transient(MailFault::Encryption)));
    }
    let misnamed = SmtpSettings { host: "localhost".to_owned(), ..server.settings() };
    let sent = Mailer::Smtp(SmtpMailer::new(misnamed).unwrap()).send(&letter("asa.oberg")).await;
    assert_eq!(sent, Err(MailError::Transient(MailFault::Encryption)));

    assert_eq!(server.mailer().send(&letter("asa.oberg")).await, Ok(()));
    let heard = server.all_until("letter").await;
    let count = |event: &str| heard.iter().filter(|said| said["event"] == event).count();
    assert_eq!((count("auth"), count("mail")), (1, 1), "of the last letter only: {heard:?}");
}

#[tokio::test]
async fn a_server_that_cannot_encrypt_hears_neither_password_nor_letter() {
    let mut server = Server::plain().await;
    let sent = server.mailer().send(&letter("asa.oberg")).await;
    assert_eq!(sent, Err(MailError::Permanent(MailFault::Protocol)));
    let heard = server.all_until("ended").await;
    let events: Vec<_> = heard.iter().map(|said| said["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["ehlo", "ended"]);
}

/// The clock is moved once the server is known to be silent.
#[tokio::test(flavor = "current_thread")]
async fn a_silent_server_is_given_up_in_time() {
    let mut server = Server::encrypting().await;
    let mailer = server.mailer();
    let sending = tokio::spawn(async move { mailer.send(&letter("silent")).await });
    server.until("silent").await;
    tokio::time::pause();
    tokio::time::advance(LIMIT).await;
    assert_eq!(sending.await.unwrap(), Err(MailError::Transient(MailFault::Timeout)));
}
