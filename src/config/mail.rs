//! Reading how letters leave. Not here: whether the mail server agrees.

use super::daemon::folder;
use super::kinds;
use super::reader::{Read, Section};
use super::sections::{Backend, Mail, MailTls, MailTransport, Store};
use crate::model::id::MailAddress;
use crate::model::this_machine::is_this_machine;
use secrecy::SecretString;

/// The sender in letters that never leave this machine (RFC 2606 keeps `invalid` from belonging to anybody).
const NOBODY: &str = "carepass@carepass.invalid";

#[derive(Clone, Copy)]
enum TransportKind {
    Smtp,
    File,
    None,
}

/// The way letters leave.
pub(super) fn read(mut s: Section<'_>, store: Read<&Store>) -> Read<Mail> {
    let words = [("smtp", TransportKind::Smtp), ("file", TransportKind::File), ("none", TransportKind::None)];
    let transport = s.defaulted("transport", kinds::choice(&words));
    let from =
        s.optional("from", kinds::name(MailAddress::parse, "write the address that letters come from"));
    let path = s.optional("path", folder);
    let smtp = Smtp::read(&mut s);
    s.close();
    let transport = match transport? {
        TransportKind::Smtp => smtp.transport(&s, from)?,
        TransportKind::File => {
            let Backend::Embedded { path: folder } = &store?.backend;
            MailTransport::File {
                path: path?.unwrap_or_else(|| folder.join("mail")),
                from: from?.unwrap_or_else(|| MailAddress::parse(NOBODY).expect("an address")),
            }
        }
        TransportKind::None => MailTransport::None,
    };
    Ok(Mail { transport })
}

/// What concerns a mail server; each is read, whatever the transport, so that a fault in it is found.
struct Smtp {
    host: Read<Option<String>>,
    port: Read<Option<u16>>,
    user: Read<Option<String>>,
    password: Read<Option<SecretString>>,
    tls: Read<MailTls>,
}

impl Smtp {
    fn read(s: &mut Section<'_>) -> Self {
        let tls = [("starttls", MailTls::StartTls), ("implicit", MailTls::Implicit), ("none", MailTls::None)];
        Self {
            host: s.optional("host", kinds::text),
            port: s.optional("port", kinds::whole(1..=65_535)),
            user: s.optional("user", kinds::text),
            password: s.secret("password", "password_file", Ok),
            tls: s.defaulted("tls", kinds::choice(&tls)),
        }
    }

    fn transport(self, s: &Section<'_>, from: Read<Option<MailAddress>>) -> Read<MailTransport> {
        let host_advice = "write the mail server's name, or choose transport = \"file\" or \"none\"";
        let host = self.host.and_then(|host| host.ok_or_else(|| s.missing("host", host_advice)));
        let from_advice = "write the address that letters come from";
        let from = from.and_then(|from| from.ok_or_else(|| s.missing("from", from_advice)));
        let login = login(s, self.user, self.password);
        let (host, from, login, tls) = (host?, from?, login?, self.tls?);
        if tls == MailTls::None && !is_this_machine(&host) {
            let what = "none is for a mail server on this machine only; write starttls or implicit";
            return Err(s.wrong("tls", what));
        }
        Ok(MailTransport::Smtp { host, port: self.port?, login, from, tls })
    }
}

fn login(
    s: &Section<'_>,
    user: Read<Option<String>>,
    password: Read<Option<SecretString>>,
) -> Read<Option<(String, SecretString)>> {
    match (user?, password?) {
        (None, None) => Ok(None),
        (Some(user), Some(password)) => Ok(Some((user, password))),
        (Some(_), None) => Err(s.missing("password", "set it or password_file, or leave user empty")),
        (None, Some(_)) => Err(s.missing("user", "write the user that the password is for")),
    }
}
