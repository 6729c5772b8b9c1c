//! Reading how letters leave. Not here: whether the mail server agrees.

use super::daemon::folder;
use super::kinds;
use super::reader::Section;
use super::sections::{Backend, Mail, MailTls, MailTransport, Store};
use crate::model::id::MailAddress;
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
pub(super) fn read(mut s: Section<'_>, store: Option<&Store>) -> Option<Mail> {
    let words = [("smtp", TransportKind::Smtp), ("file", TransportKind::File), ("none", TransportKind::None)];
    let transport = s.defaulted("transport", kinds::choice(&words));
    let from =
        s.optional("from", kinds::name(MailAddress::parse, "write the address that letters come from"));
    let path = s.optional("path", folder);
    let smtp = Smtp::read(&mut s);
    let transport = match transport {
        Some(TransportKind::Smtp) => smtp.transport(&s, from),
        Some(TransportKind::File) => store.zip(path).zip(from).map(|((store, path), from)| {
            let Backend::Embedded { path: folder } = &store.backend;
            MailTransport::File {
                path: path.unwrap_or_else(|| folder.join("mail")),
                from: from.unwrap_or_else(|| MailAddress::parse(NOBODY).expect("an address")),
            }
        }),
        Some(TransportKind::None) => Some(MailTransport::None),
        None => None,
    };
    s.close();
    Some(Mail { transport: transport? })
}

/// What concerns a mail server; each is read, whatever the transport, so that a fault in it is found.
struct Smtp {
    host: Option<Option<String>>,
    port: Option<Option<u16>>,
    user: Option<Option<String>>,
    password: Option<Option<SecretString>>,
    tls: Option<MailTls>,
}

impl Smtp {
    fn read(s: &mut Section<'_>) -> Self {
        let tls = [("starttls", MailTls::StartTls), ("implicit", MailTls::Implicit), ("none", MailTls::None)];
        Self {
            host: s.optional("host", kinds::text),
            port: s.optional("port", kinds::whole(1..=65_535)),
            user: s.optional("user", kinds::text),
            password: s.secret("password", "password_file", |_| Ok(())),
            tls: s.defaulted("tls", kinds::choice(&tls)),
        }
    }

    fn transport(self, s: &Section<'_>, from: Option<Option<MailAddress>>) -> Option<MailTransport> {
        let host = self.host.and_then(|host| {
            host.or_else(|| {
                s.missing("host", "write the mail server's name, or choose transport = \"file\" or \"none\"")
            })
        });
        let from = from
            .and_then(|from| from.or_else(|| s.missing("from", "write the address that letters come from")));
        let login = match (self.user, self.password) {
            (None, _) | (_, None) => None,
            (Some(None), Some(None)) => Some(None),
            (Some(Some(user)), Some(Some(password))) => Some(Some((user, password))),
            (Some(Some(_)), Some(None)) => {
                s.missing("password", "set it or password_file, or leave user empty")
            }
            (Some(None), Some(Some(_))) => s.missing("user", "write the user that the password is for"),
        };
        let (host, from, login, tls) = (host?, from?, login?, self.tls?);
        if tls == MailTls::None && !kinds::is_this_machine(&host) {
            return s
                .wrong("tls", "none is for a mail server on this machine only; write starttls or implicit");
        }
        Some(MailTransport::Smtp { host, port: self.port?, login, from, tls })
    }
}
