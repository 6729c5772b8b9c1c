//! Reading how letters leave. Not here: whether the mail server agrees.

use super::daemon::folder;
use super::files::{self, Privacy};
use super::kinds::{self, Parsed};
use super::reader::{Read, Section};
use super::sections::{Mail, MailTls, MailTransport, Store};
use super::tree::Leaf;
use crate::model::authorities::Authorities;
use crate::model::id::MailAddress;
use crate::model::this_machine::is_this_machine;
use secrecy::SecretString;

/// The sender in letters that never leave this machine (RFC 2606 keeps `invalid` from belonging to anybody).
const NOBODY: &str = "carepass@carepass.invalid";
/// More would be a mailing list, which has one address.
const OPERATORS_MAX: usize = 20;

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
    let operators = s.optional("operators", operators);
    let digest_at = s.defaulted("digest_at", kinds::time_of_day);
    let time_zone = s.defaulted("time_zone", kinds::time_zone);
    let to_managers = s.defaulted("to_managers", kinds::flag);
    let remind_before = s.defaulted("remind_before", kinds::days);
    s.close();
    let transport = match transport? {
        TransportKind::Smtp => smtp.transport(&s, from)?,
        TransportKind::File => {
            let folder = store?.backend.folder();
            MailTransport::File {
                path: path?.unwrap_or_else(|| folder.join("mail")),
                from: from?.unwrap_or_else(|| MailAddress::parse(NOBODY).expect("an address")),
            }
        }
        TransportKind::None => MailTransport::None,
    };
    let operators = operators?.unwrap_or_default();
    Ok(Mail {
        transport,
        operators,
        digest_at: digest_at?,
        time_zone: time_zone?,
        to_managers: to_managers?,
        remind_before: remind_before?,
    })
}

fn operators(leaf: &Leaf) -> Parsed<Vec<MailAddress>> {
    let addresses = kinds::texts(leaf)?;
    if addresses.len() > OPERATORS_MAX {
        return Err(format!("more than {OPERATORS_MAX}; write the address of a mailing list"));
    }
    let parse = |address: &String| {
        MailAddress::parse(address)
            .map_err(|wrong| format!("one is {wrong}; write it like [\"ops@nordresale.example\"]"))
    };
    addresses.iter().map(parse).collect()
}

fn authorities(leaf: &Leaf) -> Parsed<Authorities> {
    let path = kinds::path(leaf)?;
    let pem = files::read(&path, Privacy::Public)?;
    Authorities::parse(&pem).map_err(|wrong| {
        format!("{} holds {wrong}; name the file of whoever signed the server's certificate", path.display())
    })
}

/// What concerns a mail server; each is read, whatever the transport, so that a fault in it is found.
struct Smtp {
    host: Read<Option<String>>,
    port: Read<Option<u16>>,
    user: Read<Option<String>>,
    password: Read<Option<SecretString>>,
    tls: Read<MailTls>,
    authorities: Read<Option<Authorities>>,
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
            authorities: s.optional("ca_file", authorities),
        }
    }

    fn transport(self, s: &Section<'_>, from: Read<Option<MailAddress>>) -> Read<MailTransport> {
        let host_advice = "write the mail server's name, or choose transport = \"file\" or \"none\"";
        let host = self.host.and_then(|host| host.ok_or_else(|| s.missing("host", host_advice)));
        let from_advice = "write the address that letters come from";
        let from = from.and_then(|from| from.ok_or_else(|| s.missing("from", from_advice)));
        let login = login(s, self.user, self.password);
        let (host, from, login, tls, authorities) = (host?, from?, login?, self.tls?, self.authorities?);
        if tls == MailTls::None && !is_this_machine(&host) {
            let what = "none is for a mail server on this machine only; write starttls or implicit";
            return Err(s.wrong("tls", what));
        }
        if tls == MailTls::None && authorities.is_some() {
            return Err(
                s.wrong("ca_file", "is for a server that encrypts; remove it, or write tls = \"starttls\"")
            );
        }
        Ok(MailTransport::Smtp { host, port: self.port?, login, from, tls, authorities })
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
