//! Letters through a mail server (RFC 5321), encrypted unless it is on this machine.
//! Not here: when a letter that failed is tried again; the error says only whether that can help.

use super::message::message;
use super::{Letter, MailError, MailFault, Sender};
use crate::model::authorities::Authorities;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::{self, AsyncSmtpTransport};
use lettre::{AsyncTransport as _, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};
use std::error::Error as _;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314, port 465).
    Tls,
    /// TLS after a `STARTTLS` that must succeed (RFC 3207, port 587).
    StartTls,
    /// None; only to a server on this machine.
    None,
}

/// Where and how to hand letters in.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// The server's name, as in its certificate.
    pub host: String,
    /// The server's port; the usual one of the security when absent.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub security: Security,
    /// The only authorities that may vouch for the server; where absent, the public ones.
    pub authorities: Option<Authorities>,
    /// User name and password, if the server wants them.
    pub credentials: Option<(String, SecretString)>,
    /// Whom the letters come from.
    pub sender: Sender,
    /// How long one letter may take altogether.
    pub timeout: Duration,
}

/// Hands letters to one mail server.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Sender,
    timeout: Duration,
}

impl SmtpMailer {
    /// Prepares the way; connects to nobody yet.
    ///
    /// # Errors
    /// When the host is no host name, or unencrypted and not on this machine, or its name no name for a certificate.
    pub fn new(settings: SmtpSettings) -> Result<Self, MailError> {
        let (tls, usual_port) = match settings.security {
            Security::Tls => (Tls::Wrapper(tls(&settings)?), smtp::SUBMISSIONS_PORT),
            Security::StartTls => (Tls::Required(tls(&settings)?), smtp::SUBMISSION_PORT),
            Security::None if is_this_machine(&settings.host) => (Tls::None, smtp::SMTP_PORT),
            Security::None => return Err(MailError::Permanent(MailFault::Unencrypted)),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host)
            .port(settings.port.unwrap_or(usual_port))
            .tls(tls)
            .timeout(Some(settings.timeout));
        if let Some((user, password)) = settings.credentials {
            builder = builder.credentials(Credentials::new(user, password.expose_secret().to_owned()));
        }
        Ok(Self { transport: builder.build(), sender: settings.sender, timeout: settings.timeout })
    }

    pub(super) async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let message = message(letter, &self.sender)?;
        // lettre's own limit is for each command; a server that is slow at every one of them still has this one.
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_accepted)) => Ok(()),
            Ok(Err(error)) => Err(classify(&error)),
            Err(_elapsed) => Err(MailError::Transient(MailFault::Timeout)),
        }
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

fn tls(settings: &SmtpSettings) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(authorities) = &settings.authorities {
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in authorities.certificates() {
            let certificate = Certificate::from_der(certificate).map_err(no_encryption)?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(no_encryption)
}

fn no_encryption(_error: smtp::Error) -> MailError {
    MailError::Permanent(MailFault::Encryption)
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// 4xx may pass, 5xx will not (RFC 5321, 4.2.1); a broken connection may pass; what nobody knows, a person looks at.
fn classify(error: &smtp::Error) -> MailError {
    match error.status().map(u16::from) {
        Some(code) if error.is_transient() => MailError::Transient(MailFault::Reply(code)),
        Some(code) => MailError::Permanent(MailFault::Reply(code)),
        None if error.is_timeout() => MailError::Transient(MailFault::Timeout),
        None if error.is_tls() || is_refused_handshake(error) => MailError::Transient(MailFault::Encryption),
        None if error.is_client() || error.is_response() => MailError::Permanent(MailFault::Protocol),
        None => MailError::Transient(MailFault::Connection),
    }
}

/// lettre calls it a lost connection; a certificate that nobody vouches for is another thing to mend than a server that is away.
fn is_refused_handshake(error: &smtp::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::tests::{letter, sender};
    use super::*;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    /// What the server of a test answers to each command; it says nothing to a command that is not there.
    type Script = Vec<(&'static str, &'static str)>;

    fn kind() -> Script {
        vec![
            ("EHLO", "250 home.example"),
            ("MAIL", "250 ok"),
            ("RCPT", "250 ok"),
            ("DATA", "354 go on"),
            (".", "250 queued"),
            ("QUIT", "221 bye"),
        ]
    }

    /// Kind, but for the answer to one command.
    fn kind_but(command: &'static str, answer: &'static str) -> Script {
        kind()
            .into_iter()
            .map(|(known, kind)| (known, if known == command { answer } else { kind }))
            .collect()
    }

    fn silent_at(command: &'static str) -> Script {
        kind().into_iter().filter(|(known, _)| *known != command).collect()
    }

    async fn serve(listener: TcpListener, script: Script) -> Vec<String> {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut heard = Vec::new();
        let mut in_data = false;
        say(&mut stream, "220 home.example").await;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return heard;
            }
            let line = line.trim_end().to_owned();
            let command = if in_data { line.as_str() } else { line.split(' ').next().unwrap() };
            let answer = script.iter().find(|(known, _)| *known == command && (!in_data || command == "."));
            if let Some((_, answer)) = answer {
                say(&mut stream, answer).await;
                in_data = answer.starts_with("354");
            }
            heard.push(line);
        }
    }

    async fn say(stream: &mut BufReader<TcpStream>, line: &str) {
        stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    }

    fn settings(port: u16) -> SmtpSettings {
        SmtpSettings {
            host: "127.0.0.1".to_owned(),
            port: Some(port),
            security: Security::None,
            authorities: None,
            credentials: None,
            sender: sender(),
            timeout: Duration::from_mins(1),
        }
    }

    /// Sends a letter to a server that answers as scripted, and gives back what the server heard.
    async fn check(script: Script, expected: Result<(), MailError>) -> Vec<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mailer = SmtpMailer::new(settings(listener.local_addr().unwrap().port())).unwrap();
        let server = tokio::spawn(serve(listener, script));
        assert_eq!(mailer.send(&letter("welcome.1@x")).await, expected);
        drop(mailer);
        server.await.unwrap()
    }

    #[tokio::test]
    async fn a_letter_is_handed_in_whole() {
        let heard = check(kind(), Ok(())).await;
        for line in [
            "MAIL FROM:<carepass@home.example>",
            "RCPT TO:<asa.oberg@home.example>",
            "Message-ID: <welcome.1@x>",
        ] {
            assert!(heard.iter().any(|heard| heard.starts_with(line)), "{line}: {heard:#?}");
        }
    }

    #[tokio::test]
    async fn the_class_of_the_reply_says_whether_to_try_again() {
        use MailError::{Permanent, Transient};
        use MailFault::{Protocol, Reply};
        for (command, answer, expected) in [
            ("EHLO", "421 4.3.2 closing", Transient(Reply(421))),
            ("RCPT", "451 4.7.1 <asa.oberg@home.example> later", Transient(Reply(451))),
            ("RCPT", "550 5.1.1 <asa.oberg@home.example> unknown", Permanent(Reply(550))),
            (".", "452 4.3.1 full", Transient(Reply(452))),
            (".", "554 5.7.1 no", Permanent(Reply(554))),
            ("MAIL", "hello", Permanent(Protocol)),
        ] {
            check(kind_but(command, answer), Err(expected)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_is_given_up_in_time() {
        for command in ["EHLO", "RCPT", "."] {
            check(silent_at(command), Err(MailError::Transient(MailFault::Timeout))).await;
        }
    }

    #[tokio::test]
    async fn nobody_there_may_pass() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let sent = SmtpMailer::new(settings(port)).unwrap().send(&letter("a@x")).await;
        assert_eq!(sent, Err(MailError::Transient(MailFault::Connection)));
    }

    #[tokio::test]
    async fn nothing_is_said_to_a_server_that_does_not_encrypt() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let password = SecretString::from("generated-for-this-test");
        let credentials = Some(("carepass".to_owned(), password));
        let wanted = SmtpSettings { security: Security::StartTls, credentials, ..settings(port) };
        let server = tokio::spawn(serve(listener, kind()));
        let sent = SmtpMailer::new(wanted).unwrap().send(&letter("a@x")).await;
        assert_eq!(sent, Err(MailError::Permanent(MailFault::Protocol)));
        let heard = server.await.unwrap();
        assert!(heard.iter().all(|line| line.starts_with("EHLO") || line.starts_with("QUIT")), "{heard:?}");
    }

    #[test]
    fn unencrypted_is_for_this_machine_only() {
        for (host, allowed) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("mail.example", false),
            ("10.0.0.1", false),
        ] {
            let made = SmtpMailer::new(SmtpSettings { host: host.to_owned(), ..settings(25) });
            assert_eq!(
                made.err(),
                (!allowed).then_some(MailError::Permanent(MailFault::Unencrypted)),
                "{host}"
            );
        }
        let password = SecretString::from("generated-for-this-test");
        let with_password =
            SmtpSettings { credentials: Some(("carepass".to_owned(), password)), ..settings(25) };
        assert!(!format!("{with_password:?}").contains("generated"));
        assert!(!format!("{:?}", SmtpMailer::new(with_password).unwrap()).contains("generated"));
    }
}
