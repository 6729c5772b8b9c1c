//! What is wrong is refused before anything happens: every published method, and every way in which a call of it can be wrong.
//! The calls are made from the list itself, so that a method that is added is checked too.

use super::*;
use crate::sandbox::call::Call;
use crate::sandbox::check::check;
use crate::sandbox::error::Refusal;
use crate::sandbox::published::{ApiDocument, Field, Kind, Method, published};

/// A call of a method: its verb, and its path with something in each place.
fn call_of(method: &Method) -> Call {
    let path = method.call.to_string();
    let filled = path.split('/').map(|part| {
        let Some((start, end)) = part.find('{').zip(part.find('}')) else { return part.to_owned() };
        let value = method.parameters.get(&part[start + 1..end]).map_or_else(|| "x".to_owned(), good);
        format!("{value}{}", &part[end + 1..])
    });
    let required = method.parameters.iter().filter(|(name, field)| field.required && !in_path(method, name));
    let query: Vec<String> = required.map(|(name, field)| format!("{name}={}", good(field))).collect();
    let body = method.request.as_ref().map(|_| required_body(method)).unwrap_or_default();
    Call {
        method: method.call.verb.clone(),
        path: format!("/{}", filled.collect::<Vec<_>>().join("/")),
        query: query.join("&"),
        body,
        ..Call::default()
    }
}

fn required_body(method: &Method) -> Vec<u8> {
    let mut body = json!({});
    for path in &method.required {
        let mut place = &mut body;
        for part in path.split('.') {
            place = &mut place[part];
        }
        *place = if path == "rolePrivileges" { json!([]) } else { json!("x") };
    }
    body.to_string().into_bytes()
}

/// A value that will do.
fn good(field: &Field) -> String {
    if let Some(first) = field.values.first() {
        return first.clone();
    }
    match field.kind {
        Kind::Boolean => "true".into(),
        Kind::Int32 | Kind::Uint32 | Kind::Int64 | Kind::Double => field.minimum.unwrap_or(1).to_string(),
        Kind::String | Kind::Any | Kind::Map | Kind::List(_) | Kind::Message(_)
            if field.pattern.is_some() =>
        {
            "2026-01-01".into()
        }
        Kind::String | Kind::Any | Kind::Map | Kind::List(_) | Kind::Message(_) => "x".into(),
    }
}

/// Values of a parameter that will not do.
fn bad_parameters(field: &Field) -> Vec<String> {
    let mut bad = Vec::new();
    match field.kind {
        Kind::Boolean => bad.push("yes".to_owned()),
        Kind::Int32 | Kind::Uint32 | Kind::Int64 => bad.extend(["x".to_owned(), "1.5".to_owned()]),
        Kind::Double => bad.push("x".to_owned()),
        Kind::String | Kind::Any | Kind::Map | Kind::List(_) | Kind::Message(_) => {}
    }
    bad.extend(field.minimum.map(|least| (least - 1).to_string()));
    bad.extend(field.maximum.map(|most| (most + 1).to_string()));
    bad.extend((!field.values.is_empty()).then(|| "no-such-value".to_owned()));
    bad.extend(field.pattern.as_ref().map(|_| "~".to_owned()));
    bad
}

/// Values of a field of a body that will not do.
fn bad_fields(field: &Field) -> Vec<Value> {
    let mut bad = match &field.kind {
        Kind::String => vec![json!(5), json!({}), json!(["x"])],
        Kind::Boolean => vec![json!("true"), json!(1)],
        Kind::Int32 | Kind::Uint32 | Kind::Int64 => vec![json!("x"), json!(1.5), json!(true)],
        Kind::Double => vec![json!("x")],
        Kind::Any => vec![],
        Kind::Map | Kind::Message(_) => vec![json!("x"), json!([])],
        Kind::List(_) => vec![json!("x"), json!({}), json!([5])],
    };
    if !field.values.is_empty() {
        bad.push(json!("no-such-value"));
    }
    bad
}

fn with_body(call: &Call, body: &Value) -> Call {
    Call { body: body.to_string().into_bytes(), ..call.clone() }
}

fn with_field(call: &Call, name: &str, value: Value) -> Call {
    let mut body: Value = serde_json::from_slice(&call.body).unwrap();
    body[name] = value;
    with_body(call, &body)
}

fn with_parameter(call: &Call, name: &str, value: &str) -> Call {
    Call { query: format!("{}&{name}={}", call.query, value.replace(' ', "+")), ..call.clone() }
}

/// Every way in which a call of the method can be wrong, each with a word for it.
fn wrong_calls(api: &ApiDocument, method: &Method, right: &Call) -> Vec<(String, Call)> {
    let mut wrong = vec![("unknown parameter".to_owned(), with_parameter(right, "noSuchParameter", "1"))];
    wrong.push(("common parameter".to_owned(), with_parameter(right, "alt", "yaml")));
    for (name, field) in &method.parameters {
        for value in bad_parameters(field) {
            let call = if right.query.contains(name.as_str()) || !in_path(method, name) {
                with_parameter(right, name, &value)
            } else {
                let (good, bad) = (format!("/{}", good(field)), format!("/{value}"));
                Call { path: right.path.replace(&good, &bad), ..right.clone() }
            };
            wrong.push((format!("{name}={value}"), call));
        }
        if field.required && !in_path(method, name) {
            wrong.push((format!("without {name}"), Call { query: String::new(), ..right.clone() }));
        }
    }
    let Some(schema) = &method.request else { return wrong };
    wrong.push(("unknown field".to_owned(), with_field(right, "noSuchField", json!("x"))));
    wrong.push(("no object".to_owned(), with_body(right, &json!([]))));
    wrong.push(("no JSON".to_owned(), Call { body: b"{".to_vec(), ..right.clone() }));
    for (name, field) in api.schemas[schema].iter().filter(|(_, field)| !field.read_only) {
        wrong.extend(
            bad_fields(field)
                .into_iter()
                .map(|value| (format!("{name}: {value}"), with_field(right, name, value))),
        );
    }
    for path in &method.required {
        let name = path.split('.').next().unwrap();
        wrong.push((format!("without {path}"), with_field(right, name, Value::Null)));
    }
    wrong
}

fn in_path(method: &Method, name: &str) -> bool {
    method.call.names().any(|of_path| of_path == name)
}

fn methods() -> impl Iterator<Item = (&'static ApiDocument, &'static str, &'static Method)> {
    let apis = published().apis.values();
    apis.flat_map(|api| api.methods.iter().map(move |(id, method)| (api, id.as_str(), method)))
}

#[test]
fn every_published_method_takes_a_right_call_and_refuses_each_wrong_one() {
    let mut tried = 0;
    for (api, id, method) in methods() {
        let right = call_of(method);
        assert_eq!(check(&right), Ok(()), "{id} {right:?}");
        for (what, wrong) in wrong_calls(api, method, &right) {
            let refusal = check(&wrong).expect_err(&format!("{id}: {what} passes"));
            assert_eq!((refusal.status, refusal.envelope), (400, api.envelope), "{id}: {what}");
            tried += 1;
        }
    }
    assert!(tried > 500, "the list is not nearly empty: {tried}");
}

#[test]
fn what_google_sets_may_be_sent_back_and_null_says_nothing() {
    for (api, id, method) in methods() {
        let right = call_of(method);
        let Some(schema) = &method.request else { continue };
        for (name, field) in &api.schemas[schema] {
            let required = method.required.iter().any(|path| path.split('.').next() == Some(name));
            if field.read_only {
                assert_eq!(check(&with_field(&right, name, json!("x"))), Ok(()), "{id} {name}");
            }
            if !required {
                assert_eq!(check(&with_field(&right, name, Value::Null)), Ok(()), "{id} {name}");
            }
        }
    }
}

fn said(verb: &str, path: &str, body: &str) -> Result<(), (String, String)> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let call = Call {
        method: verb.into(),
        path: path.into(),
        query: query.into(),
        body: body.into(),
        ..Call::default()
    };
    check(&call).map_err(|Refusal { reason, message, .. }| (reason, message))
}

#[test]
fn the_words_are_googles() {
    const USERS: &str = "/admin/directory/v1/users";
    let refused = |verb, path: &str, body, reason: &str, message: &str| {
        assert_eq!(
            said(verb, path, body),
            Err((reason.to_owned(), message.to_owned())),
            "{verb} {path} {body}"
        );
    };
    refused(
        "GET",
        &format!("{USERS}?maxResult=5"),
        "",
        "invalid",
        "Invalid JSON payload received. Unknown name \"maxResult\": Cannot bind query parameter. Field 'maxResult' could not be \
         found in request message.",
    );
    refused(
        "GET",
        &format!("{USERS}?maxResults=many"),
        "",
        "invalid",
        "Invalid value at 'max_results' (TYPE_INT32), \"many\"",
    );
    refused("GET", &format!("{USERS}?maxResults=501"), "", "invalid", "Invalid Input: maxResults");
    refused(
        "PUT",
        &format!("{USERS}/1"),
        r#"{"name":{"familyname":"F"}}"#,
        "invalid",
        "Invalid JSON payload received. Unknown name \"familyname\" at 'name': Cannot find field.",
    );
    refused(
        "PUT",
        &format!("{USERS}/1"),
        r#"{"externalIds":[{"value":5}]}"#,
        "invalid",
        "Invalid value at 'external_ids[0].value' (TYPE_STRING), 5",
    );
    refused("POST", USERS, "{}", "invalid", "Invalid Given/Family Name: FamilyName");
    refused(
        "POST",
        USERS,
        r#"{"name":{"familyName":"F","givenName":"G"},"password":"p"}"#,
        "required",
        "Required parameter: [resource.primary_email]",
    );
    refused(
        "GET",
        "/apps/licensing/v1/product/101001/users",
        "",
        "required",
        "Required parameter: customerId",
    );
    refused(
        "GET",
        "/v1/policies?pageSize=many",
        "",
        "INVALID_ARGUMENT",
        "Invalid value at 'page_size' (TYPE_INT32), \"many\"",
    );
}

#[test]
fn what_clients_add_to_every_call_is_taken() {
    for extra in [
        "alt=json",
        "prettyPrint=false",
        "fields=kind",
        "key=k",
        "quotaUser=q",
        "$.xgafv=2",
        "%24.xgafv=1",
        "uploadType=media",
    ] {
        assert_eq!(
            said("GET", &format!("/admin/directory/v1/users?customer=my_customer&{extra}"), ""),
            Ok(()),
            "{extra}"
        );
    }
    assert_eq!(said("GET", "/nobody/publishes/this?a=b", ""), Ok(()), "the router answers that");
}

#[tokio::test]
async fn a_wrong_call_changes_nothing_and_is_refused_in_the_envelope_of_its_api() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let address = "check@reseller-se.example";
    let body = json!({"primaryEmail": address, "password": "12345678", "name": {"givenName": "G", "familyName": "F"}, "sponsor": "x"});
    let (status, refused) = client.post("/admin/directory/v1/users", body).await;
    assert_eq!((status, &refused["error"]["errors"][0]["reason"]), (400, &json!("invalid")), "{refused}");
    assert_eq!(client.get(&format!("/admin/directory/v1/users/{address}")).await.0, 404);

    let path = format!("/v1/customers/{SE}/userinvitations/{address}:isInvitableUser?mask=x");
    let (status, refused) = client.get(&path).await;
    assert_eq!((status, &refused["error"]["status"]), (400, &json!("INVALID_ARGUMENT")), "{refused}");
    assert!(refused["error"].get("errors").is_none());

    let bare = google.http.get(format!("{}/admin/directory/v1/users?x=y", google.url)).send().await.unwrap();
    assert_eq!(bare.status(), 401, "who asks comes first");
}
