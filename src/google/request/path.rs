//! Values into a path template, and the proof that the address which came out is the template's (guard 6).
//! Not here: which values a request has (`request`).
//!
//! Why the proof: the `url` crate resolves `..`, also when it is percent-encoded, and drops tabs, so that encoding
//! alone does not keep a hostile value inside its segment.

use super::refused;
use crate::google::call::{Api, Spec};
use crate::google::endpoint::Endpoint;
use crate::google::licensing::Listed;
use crate::model::failure::Failure;
use crate::model::id::{
    AccountId, Address, AssignmentId, ClientId, CustomerId, MailAddress, OrgUnitId, OrgUnitPath, ProductId,
    SkuId,
};
use crate::planted::planted;
use reqwest::Url;

/// A value that may stand in a path: nothing but names that cannot hold a wrong value.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Customer(&'a CustomerId),
    Account(&'a AccountId),
    Address(&'a Address),
    OrgUnit(&'a OrgUnitPath),
    Product(Listed),
    Sold(&'a ProductId),
    Sku(&'a SkuId),
    Unit(&'a OrgUnitId),
    Named(&'a MailAddress),
    Assignment(&'a AssignmentId),
    Client(&'a ClientId),
    Code(u32),
}

/// Puts the values into the template, encoded.
pub(super) fn fill(template: &str, values: &[Value<'_>]) -> Result<String, Failure> {
    let mut values = values.iter();
    let mut path = String::new();
    for segment in template.split('/').skip(1) {
        let Some((before, rest)) = segment.split_once('{') else {
            path.push('/');
            path.push_str(segment);
            continue;
        };
        let (_, after) = rest.split_once('}').ok_or_else(|| refused("a template without its brace"))?;
        let value = values.next().ok_or_else(|| refused("a template without its value"))?;
        for text in segments(value)? {
            path.push('/');
            path.push_str(before);
            path.push_str(&text);
            path.push_str(after);
        }
    }
    if values.next().is_some() { Err(refused("a value without its place")) } else { Ok(path) }
}

/// The segments that a value stands for, encoded.
fn segments(value: &Value<'_>) -> Result<Vec<String>, Failure> {
    let texts = match value {
        Value::Customer(customer) => vec![customer.to_string()],
        Value::Account(account) => vec![account.to_string()],
        Value::Address(address) => vec![address.to_string()],
        Value::Product(product) => vec![product.as_str().to_owned()],
        Value::Sold(product) => vec![product.to_string()],
        Value::Sku(sku) => vec![sku.to_string()],
        Value::Named(address) => vec![address.to_string()],
        Value::Assignment(assignment) => vec![assignment.to_string()],
        Value::Client(client) => vec![client.to_string()],
        Value::Code(code) => vec![code.to_string()],
        // The colon stays: with it Google knows an id from a path.
        Value::Unit(id) => return Ok(vec![id.to_string()]),
        Value::OrgUnit(path) => path.as_str()[1..].split('/').map(str::to_owned).collect(),
    };
    texts.iter().map(|text| encode(text)).collect()
}

/// Percent-encodes all but RFC 3986's unreserved characters and `@`.
pub(super) fn encode(text: &str) -> Result<String, Failure> {
    if planted!(PathUnguarded) {
        return Ok(text.to_owned());
    }
    // `id:…` names a unit by its id, so a unit whose name begins so cannot be asked for by path.
    if text.is_empty() || text == "." || text == ".." || text.starts_with("id:") {
        return Err(refused("a value that cannot stand in a path"));
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            encoded.push(char::from(byte));
        } else if byte.is_ascii_control() || b"/\\%".contains(&byte) {
            return Err(refused("a character that cannot stand in a path"));
        } else {
            encoded.push('%');
            encoded.extend(
                [byte >> 4, byte & 0xF].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    }
    Ok(encoded)
}

/// Parses the address and proves that parsing changed nothing.
pub(super) fn prove(spec: &Spec, endpoint: &Endpoint, path: &str) -> Result<Url, Failure> {
    let base = endpoint.base(spec.api);
    let url = Url::parse(&format!("{base}{path}")).map_err(|_| refused("not an address"))?;
    let same_origin =
        url.origin().ascii_serialization() == base && url.username().is_empty() && url.password().is_none();
    let pinned = match endpoint {
        // The machine's metadata come over a link that only this machine has.
        Endpoint::Google => {
            let secure = url.scheme() == "https" || spec.api == Api::Metadata;
            secure && url.port().is_none() && base == Api::origin(spec.api)
        }
        Endpoint::Loopback(_) => true,
    };
    let literal = spec.path.split('{').next().unwrap_or(spec.path);
    let as_built = url.path() == path
        && url.path().starts_with(literal)
        && url.query().is_none()
        && url.fragment().is_none();
    let one_more = spec.path.contains("{+");
    let segments = |text: &str| text.split('/').count();
    let counted = if one_more {
        segments(url.path()) >= segments(spec.path)
    } else {
        segments(url.path()) == segments(spec.path)
    };
    if same_origin && pinned && (as_built && counted || planted!(PathUnguarded)) {
        Ok(url)
    } else {
        Err(refused("an address that is not its template"))
    }
}
