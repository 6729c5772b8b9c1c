//! The samples of the contract, then bad messages in seven categories, each with the codes and places expected.

use super::*;
use crate::model::engineer::Scope;
use crate::model::person::{Language, Locale};
use serde_json::{Value, json};
use std::fmt::Write;

const JOINED: &str = include_str!("../../../docs/schemas/samples/1-joined-sv-de.json");
const MOVED: &str = include_str!("../../../docs/schemas/samples/2-moved-tr.json");
const LEFT: &str = include_str!("../../../docs/schemas/samples/3-left-vi.json");
const JOINED_JA: &str = include_str!("../../../docs/schemas/samples/4-joined-ja.json");
const STRUCTURED: Option<&str> = Some("application/cloudevents+json; charset=utf-8");

fn read(body: &str) -> Result<Event, Refusal> {
    parse(body.as_bytes(), STRUCTURED, &BTreeMap::new())
}

fn joined(body: &str) -> Full {
    match read(body).unwrap().lifecycle {
        Lifecycle::Joined(full) | Lifecycle::Moved(full) => *full,
        other @ (Lifecycle::Left(_) | Lifecycle::Cancelled(_) | Lifecycle::Erased(_)) => panic!("{other:?}"),
    }
}

/// What is wrong with a message, as `code at /pointer; …`.
fn check_bytes(body: &[u8], expected: &str) {
    let refusal = parse(body, STRUCTURED, &BTreeMap::new()).expect_err(expected);
    assert_eq!(refusal.detail(), expected, "{}", String::from_utf8_lossy(&body[..body.len().min(200)]));
}

/// The first sample with one value put in or replaced.
fn with(pointer: &str, value: Value) -> String {
    let mut event: Value = serde_json::from_str(JOINED).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[name] = value;
    event.to_string()
}

fn without(pointer: &str) -> String {
    let mut event: Value = serde_json::from_str(JOINED).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    event.to_string()
}

/// Replaces a piece of the first sample's text.
fn edited(from: &str, to: &str) -> String {
    assert!(JOINED.contains(from), "{from}");
    JOINED.replacen(from, to, 1)
}

/// The value at `pointer` is refused with `code`, there.
fn check(pointer: &str, value: Value, code: &str) {
    check_bytes(with(pointer, value).as_bytes(), &format!("{code} at {pointer}"));
}

#[test]
fn the_sample_of_a_joiner_is_understood() {
    let event = read(JOINED).unwrap();
    assert_eq!(event.reference.source, "https://hr.nordresale.example/personio/se");
    assert_eq!(event.reference.id, "019a7c1e-6a55-7c3e-9b0e-2f1d5f0a9b11");
    assert_eq!(event.event_type().as_text(), "com.carepass.engineer.joined.v1");
    assert_eq!(event.time.unwrap().to_string(), "2026-11-20T08:15:30.12Z");
    assert_eq!(event.sequence.as_deref(), Some("00000000000000048213"));
    assert_eq!(event.correlation_id.as_deref(), Some("onb-2026-1187"));
    assert_eq!(event.classification.as_deref(), Some("confidential"));
    assert!(event.trace_parent.is_some());
    let joined = joined(JOINED);
    assert_eq!((joined.revision, joined.key.as_str()), (3, "E-20417"));
    assert_eq!(joined.person.name.family.as_str(), "Öberg-Großmann");
    assert_eq!(joined.person.locale.as_ref().map(Locale::language), Some(Language::Swedish));
    assert_eq!(joined.employment.id.as_str(), "E-20417/1");
    assert_eq!(joined.employment.starts_at().unwrap().to_string(), "2026-11-30T23:00:00Z");
    assert_eq!((joined.scope, joined.profile), (Scope::All, Profile::SupportCases));
    assert_eq!(joined.approval.unwrap().reference, "ITSM-88121");
}

#[test]
fn the_sample_from_japan_is_understood() {
    let joined = joined(JOINED_JA);
    assert_eq!(joined.person.name.latin_given.unwrap().as_str(), "Tarō");
    assert_eq!(joined.person.locale.as_ref().map(Locale::language), Some(Language::English));
    assert_eq!(joined.employment.time_zone.as_str(), "Asia/Tokyo");
    assert_eq!(joined.approval, None);
}

#[test]
fn the_samples_of_a_mover_and_a_leaver_are_understood() {
    let moved = joined(MOVED);
    assert_eq!((moved.revision, moved.person.name.given.as_str()), (12, "Işıl"));
    assert_eq!(moved.employment.effective_at.unwrap().to_string(), "2026-12-14T23:00:00Z");
    let event = read(LEFT).unwrap();
    assert_eq!((event.engineer().as_str(), event.revision()), ("E-18033", 27));
    let Lifecycle::Left(ending) = event.lifecycle else { panic!("{:?}", event.lifecycle) };
    assert_eq!(
        (ending.employment.id.as_str(), ending.employment.leaves_at()),
        ("E-18033/2", None),
        "immediate"
    );
}

/// Whoever leaves is locked out although HR has forgotten the name already; who comes must have one.
#[test]
fn only_the_end_of_access_needs_no_more_than_a_key() {
    let thin = json!({ "revision": 9, "engineer": { "key": "E-20417" }, "employment": { "id": "E-20417/1", "timeZone": "UTC" } });
    let of = |word: &str, data: &Value| {
        let mut event: Value = serde_json::from_str(JOINED).unwrap();
        event["type"] = json!(format!("com.carepass.engineer.{word}.v1"));
        event["data"] = data.clone();
        event.to_string()
    };
    for word in ["left", "cancelled", "erased"] {
        assert_eq!(read(&of(word, &thin)).unwrap().revision(), 9, "{word}");
        check_bytes(
            of(word, &json!({})).as_bytes(),
            match word {
                "erased" => "missing_field at /data/revision; missing_field at /data/engineer",
                _ => {
                    "missing_field at /data/revision; missing_field at /data/engineer; missing_field at /data/employment"
                }
            },
        );
    }
    for word in ["joined", "moved"] {
        check_bytes(of(word, &thin).as_bytes(), "thin_event at /data");
    }
    let only_key = json!({ "engineer": { "key": "E-20417" } });
    assert_eq!(
        read(&of("erased", &json!({ "revision": 9, "engineer": { "key": "E-20417" } }))).unwrap().revision(),
        9
    );
    check_bytes(of("joined", &only_key).as_bytes(), "thin_event at /data");
    check("/data/employment/urgency", json!("soon"), "unknown_urgency");
    check("/data/employment/lastDay", json!("2026-11-30"), "dates_reversed");
}

#[test]
fn the_wider_shapes_of_the_contract_pass() {
    let check = |body: String| drop(read(&body).unwrap());
    check(with("/data/scope", json!({"domains": ["b.example", "a.example"], "profile": "reseller-admin"})));
    check(with("/data/engineer/locale", json!("de")));
    check(with("/data/engineer/shoeSize", json!(43)));
    check(with("/data/engineer/preferredUsername", json!("asa.oberg")));
    check(with("/dataschema", json!("https://schemas.carepass.example/engineer-full/1.7.json")));
    check(with("/traceparent", json!("nonsense")));
    check(with("/comexampleextension", json!(true)));
    check(with("/sequence", Value::Null));
    check(without("/data/approval"));
    check(without("/data/employment/startDate"));
    check(without("/time"));
    check(format!("\r\n\t {JOINED}"));
    for name in ["Zoë", "李", "O'Brien", "José-María"] {
        check(with("/data/engineer/name/given", json!(name)));
    }
}

#[test]
fn effective_time_is_stronger_than_the_start_date() {
    let body = with("/data/employment/effectiveAt", json!("2026-12-15T08:00:00+01:00"));
    assert_eq!(joined(&body).employment.starts_at().unwrap().to_string(), "2026-12-15T07:00:00Z");
    assert_eq!(joined(&without("/data/employment/startDate")).employment.starts_at(), None);
}

#[test]
fn three_faults_are_named_at_once() {
    let mut event: Value = serde_json::from_str(JOINED).unwrap();
    event["id"] = json!("");
    event["data"]["engineer"]["contactEmail"] = json!("åsa@nordresale.example");
    event["data"]["employment"]["timeZone"] = json!("Europe/Atlantis");
    let refusal = read(&event.to_string()).unwrap_err();
    assert_eq!(refusal.reason, ReasonCode::InvalidAttribute);
    assert_eq!(
        refusal.detail(),
        "invalid_attribute at /id; email_not_ascii at /data/engineer/contactEmail; \
         unknown_time_zone at /data/employment/timeZone"
    );
    for language in [Language::English, Language::Swedish] {
        assert_eq!(lint_text(&refusal, language).lines().count(), 7);
    }
}

#[test]
fn an_empty_event_lacks_everything_required() {
    check_bytes(
        br#"{"type":"com.carepass.engineer.joined.v1","data":{}}"#,
        "missing_field at /specversion; missing_field at /id; missing_field at /source; missing_field at /subject; \
         missing_field at /data/revision; missing_field at /data/engineer; missing_field at /data/employment; \
         missing_field at /data/scope",
    );
}

#[test]
fn bad_syntax() {
    let check = |body: &[u8], code: &str| check_bytes(body, &format!("{code} at /"));
    check(b"", "json_syntax");
    check(b"  ", "json_syntax");
    check(b"{", "json_syntax");
    check(b"null", "not_an_object");
    check(br#"["anna@nordresale.example"]"#, "not_an_object");
    check(b"\"{}\"", "not_an_object");
    check(b"{} x", "json_syntax");
    check(b"{}{}", "json_syntax");
    check(b"\xef\xbb\xbf{}", "json_syntax");
    check(b"\xff\xfe{\0}\0", "not_utf8");
    check(b"{\0}\0", "json_syntax");
    check(b"{\"id\":\"\xff\"}", "not_utf8");
    check(br#"{"id":"\ud800"}"#, "json_syntax");
    check(br#"{"id":NaN}"#, "json_syntax");
    check(br#"{"id":1e999}"#, "json_syntax");
    check(b"{'id':1}", "json_syntax");
    check(&JOINED.as_bytes()[..JOINED.len() / 2], "json_syntax");
    check(b"\x1f\x8b\x08\0", "not_utf8");
}

#[test]
fn bombs() {
    check_bytes("[".repeat(200_000).as_bytes(), "json_syntax at /");
    check_bytes(&vec![b' '; BODY_MAX + 1], "too_large at /");
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    check_bytes(deep.as_bytes(), &format!("too_deep at /*{}", "/0".repeat(DEPTH_MAX - 1)));
    let many: Vec<_> = (0..20_000).map(|n| format!("\"k{n}\":1")).collect();
    check_bytes(format!("{{{}}}", many.join(",")).as_bytes(), "too_many_fields at /");
    let long_name = with("/data/engineer/name/given", json!("x".repeat(200_000)));
    check_bytes(long_name.as_bytes(), "name_too_long at /data/engineer/name/given");
    check("/data/engineer/name/given", json!(format!("a{}", "\u{301}".repeat(3000))), "name_too_long");
    check("/data/scope/domains", json!(vec!["a.example"; 5_000]), "too_many_domains");
}

#[test]
fn the_allowed_depth_and_number_of_fields_are_exact() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let deep = |levels| edited("\"data\": {", &format!("\"data\": {{ \"x\": {},", nested(levels)));
    assert!(read(&deep(DEPTH_MAX - 2)).is_ok());
    assert_eq!(read(&deep(DEPTH_MAX - 1)).unwrap_err().reason, ReasonCode::TooDeep);
    let filled = |extra: usize| {
        let mut fields = String::new();
        (0..extra).for_each(|n| write!(fields, "\"x{n}\":0,").unwrap());
        edited("\"data\": {", &format!("\"data\": {{ {fields}"))
    };
    let present = JOINED.matches("\":").count();
    assert!(read(&filled(FIELDS_MAX - present)).is_ok());
    assert_eq!(read(&filled(FIELDS_MAX - present + 1)).unwrap_err().reason, ReasonCode::TooManyFields);
}

#[test]
fn bad_schema() {
    for field in
        ["/data/engineer/name", "/data/employment/id", "/data/scope/domains", "/data/revision", "/data"]
    {
        check_bytes(without(field).as_bytes(), &format!("missing_field at {field}"));
    }
    check("/specversion", json!("0.3"), "unsupported_specversion");
    check("/type", json!("com.carepass.engineer.joined.v9"), "unknown_version");
    check("/type", json!("com.carepass.engineer.promoted.v1"), "unknown_type");
    check("/type", json!("com.carepass.engineer.joined.v1x"), "unknown_type");
    check("/type", json!("com.carepass.provisioning.ready.v1"), "unknown_type");
    check("/dataschema", json!("https://schemas.carepass.example/engineer-full/2.0.json"), "unknown_version");
    check("/datacontenttype", json!("application/xml"), "unsupported_content_type");
    check("/data_base64", json!("e30="), "unsupported_content_type");
    check("/data", json!("{}"), "wrong_type");
    check("/datacategory", json!("special-category"), "special_category");
    check("/dataclassification", json!("confidential, Special-Category"), "special_category");
    check("/data/revision", json!(0), "invalid_revision");
    check("/data/revision", json!(-1), "invalid_revision");
    check("/data/revision", json!(1.5), "invalid_revision");
    check("/data/revision", json!("3"), "wrong_type");
    check("/data/engineer/contactEmail", Value::Null, "wrong_type");
    check("/data/engineer/contactEmail", json!(["a@b.example"]), "wrong_type");
    check("/data/scope/domains", json!("reseller-se.example"), "invalid_scope");
    check("/data/scope/domains", json!([]), "invalid_scope");
    check("/data/scope/domains", json!({}), "wrong_type");
    check("/data/scope/profile", json!("super-admin"), "unknown_profile");
    check("/data/employment/startDate", json!("2026-02-30"), "invalid_date");
    check("/data/employment/startDate", json!("20261201"), "invalid_date");
    check("/data/employment/startDate", json!("2199-01-01"), "time_out_of_range");
    check("/data/employment/effectiveAt", json!("1999-12-31T00:00:00Z"), "time_out_of_range");
    check("/data/employment/effectiveAt", json!("2026-12-15T00:00:00"), "invalid_time");
    check("/data/employment/effectiveAt", json!("2026-12-15T00:00:00+01:00[Asia/Tokyo]"), "invalid_time");
    check("/time", json!("yesterday"), "invalid_time");
    check("/data/approval/approvedBy", json!(""), "invalid_text");
    check("/data/approval", json!("yes"), "wrong_type");
}

#[test]
fn fields_that_are_there_twice() {
    let twice = edited("\"revision\": 3,", "\"revision\": 3, \"revision\": 4,");
    check_bytes(twice.as_bytes(), "duplicate_key at /data/revision");
    let beside = edited("\"contactEmail\":", "\"ContactEmail\": \"x\", \"contactEmail\":");
    check_bytes(beside.as_bytes(), "ambiguous_key at /data/engineer/contactEmail");
    let unknown =
        edited("\"revision\": 3,", "\"anna@x.example\": 1, \"anna@x.example\": 2, \"revision\": 3,");
    check_bytes(unknown.as_bytes(), "duplicate_key at /data/*");
    let escaped = edited("\"revision\": 3,", "\"revision\": 3, \"revisio\\u006e\": 4,");
    check_bytes(escaped.as_bytes(), "duplicate_key at /data/revision");
}

#[test]
fn bad_identity() {
    for reserved in ["root", "postmaster", "abuse", "no-reply", "support2"] {
        check("/data/engineer/preferredUsername", json!(reserved), "reserved_local_part");
    }
    for username in ["Asa", "a..b", ".a", "a@b.example", "åsa", ""] {
        check("/data/engineer/preferredUsername", json!(username), "invalid_username");
    }
    for email in
        ["a@@b.example", "@b.example", "a@b.example.", "\"a b\"@c.example", "a@[127.0.0.1]", "a@localhost"]
    {
        check("/data/engineer/contactEmail", json!(email), "invalid_email");
    }
    for domain in
        ["sub..example", "reseller.example.", "Reseller.example", "*.example", "localhost", "10.0.0.1/x"]
    {
        check_bytes(
            with("/data/scope/domains", json!(["a.example", domain])).as_bytes(),
            "invalid_domain at /data/scope/domains/1",
        );
    }
    check_bytes(
        with("/data/scope/domains", json!(["a.example", "a.example", 7])).as_bytes(),
        "duplicate_domain at /data/scope/domains/1; wrong_type at /data/scope/domains/2",
    );
    check("/subject", json!("engineer/E-1"), "subject_mismatch");
    check("/subject", json!("E-20417"), "subject_mismatch");
    check("/subject", json!("engineer/asa.oberg@nordresale.example"), "subject_mismatch");
    check("/data/engineer/role", json!("_SEED_ADMIN_ROLE"), "role_field_forbidden");
    check("/data/engineer/isAdmin", json!(true), "role_field_forbidden");
    check("/data/isSuperAdmin", json!(false), "role_field_forbidden");
    check("/data/scope/roles", json!([]), "role_field_forbidden");
    check_bytes(
        with("/data/engineer/ORG_UNIT_path", json!("/")).as_bytes(),
        "role_field_forbidden at /data/engineer/orgUnitPath",
    );
}

#[test]
fn bad_unicode() {
    check("/data/engineer/contactEmail", json!("аnna@nordresale.example"), "email_not_ascii");
    check("/data/engineer/contactEmail", json!("anna@nordresаle.example"), "email_not_ascii");
    check("/data/engineer/managerEmail", json!("раул@nordresale.example"), "email_not_ascii");
    check("/data/engineer/managerEmail", json!("anna@nordresale。example"), "email_not_ascii");
    check("/data/engineer/preferredUsername", json!("ａnna"), "invalid_username");
    check("/data/engineer/preferredUsername", json!("\u{212a}arl"), "invalid_username");
    for unseen in ["An\u{200b}na", "\u{202e}annA", "An\0na", "An\u{e000}na", "An\u{feff}na"] {
        check("/data/engineer/name/given", json!(unseen), "name_characters");
    }
    check("/data/engineer/name/family", json!(" "), "name_empty");
    check("/data/engineer/name/latinGiven", json!("太郎"), "name_not_latin");
    check("/data/engineer/name/language", json!("sv_SE"), "invalid_language");
    check("/data/engineer/locale", json!("svenska"), "invalid_language");
}

#[test]
fn injections() {
    for key in ["..", "%2e%2e", "\t..", "x@d/makeAdmin", "a?alt=media", "a%2FmakeAdmin", "../../etc/passwd"] {
        let mut event: Value = serde_json::from_str(JOINED).unwrap();
        event["data"]["engineer"]["key"] = json!(key);
        event["subject"] = json!(format!("engineer/{key}"));
        check_bytes(event.to_string().as_bytes(), "invalid_key at /data/engineer/key");
    }
    check("/data/engineer/contactEmail", json!("a@b.example\r\nBcc: c@d.example"), "invalid_email");
    check("/data/engineer/name/given", json!("Anna\nAuthorization: x"), "name_characters");
    check("/data/engineer/name/given", json!("\u{1b}[31mAnna"), "name_characters");
    check("/data/employment/id", json!("1\ndata: forged"), "invalid_employment_id");
    check("/data/employment/timeZone", json!("../../etc/passwd"), "unknown_time_zone");
    check("/id", json!("1\r\nX: y"), "invalid_attribute");
    check("/source", json!("x".repeat(257)), "invalid_attribute");
    check("/correlationid", json!("a b"), "invalid_attribute");
}

#[test]
fn bad_protocol() {
    let check = |content_type: Option<&str>, headers: &[(&str, &str)], expected: &str| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let answer = parse(JOINED.as_bytes(), content_type, &headers).map_err(|refusal| refusal.detail());
        assert_eq!(answer.map_or_else(|detail| detail, |_| "accepted".to_owned()), expected);
    };
    let refused = "unsupported_content_type at /";
    check(None, &[], "accepted");
    check(Some("Application/CloudEvents+JSON;charset=\"UTF-8\""), &[], "accepted");
    check(
        STRUCTURED,
        &[("cloudEvents_id", "1"), ("x-delivery-count", "19"), ("x-death", "forged")],
        "accepted",
    );
    check(Some("text/xml"), &[], refused);
    check(Some("application/json"), &[], refused);
    check(Some("application/cloudevents+json; charset=utf-16"), &[], refused);
    check(Some("application/cloudevents-batch+json"), &[("cloudEvents_id", "1")], refused);
    check(
        Some("application/json"),
        &[("cloudEvents_id", "1"), ("cloudEvents:type", "x")],
        "mixed_header_prefixes at /",
    );
    let many: Vec<_> = (0..500).map(|n| format!("cloudEvents_x{n}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "1")).collect();
    check(Some("application/json"), &many, "too_many_fields at /");
}

/// The first sample in binary mode.
fn binary(prefix: &str) -> (BTreeMap<String, String>, String) {
    let mut event: Value = serde_json::from_str(JOINED).unwrap();
    let attributes = event.as_object_mut().unwrap();
    let data = attributes.remove("data").unwrap().to_string();
    let header =
        |(name, value): (&String, &Value)| (format!("{prefix}{name}"), value.as_str().unwrap().to_owned());
    (attributes.iter().map(header).collect(), data)
}

#[test]
fn binary_mode_says_the_same_as_structured_mode() {
    for prefix in ["cloudEvents_", "cloudEvents:"] {
        let (headers, data) = binary(prefix);
        let event = parse(data.as_bytes(), Some("application/json"), &headers).unwrap();
        assert_eq!(event, read(JOINED).unwrap());
    }
    let (mut headers, data) = binary("cloudEvents_");
    headers.remove("cloudEvents_id");
    let refusal = parse(&data.as_bytes()[1..], None, &headers).unwrap_err();
    assert_eq!(refusal.detail(), "json_syntax at /data; missing_field at /id");
}

#[test]
fn the_hash_tells_content_and_not_form() {
    let hash = |body: &str| read(body).unwrap().content_hash;
    let same = hash(JOINED);
    let traced = with("/traceparent", json!("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"));
    assert_eq!(hash(&traced), same);
    assert_ne!(hash(&with("/data/revision", json!(4))), same);
    assert_ne!(hash(&with("/data/engineer/shoeSize", json!(43))), same);
    assert_eq!(same.to_string().len(), 64);
}

#[test]
fn a_batch_is_split_and_each_event_stands_for_itself() {
    let body = format!("[{JOINED}, {{}}]");
    let events = split_batch(body.as_bytes()).unwrap();
    let answers: Vec<_> =
        events.iter().map(|event| parse(event, STRUCTURED, &BTreeMap::new()).is_ok()).collect();
    assert_eq!(answers, [true, false]);
    let check =
        |body: &str, code: ReasonCode| assert_eq!(split_batch(body.as_bytes()).unwrap_err().reason, code);
    check("{}", ReasonCode::JsonSyntax);
    check(&format!("[{}1]", "1,".repeat(BATCH_MAX)), ReasonCode::BatchTooLong);
}

#[test]
fn no_prefix_of_a_message_makes_it_panic_and_no_value_leaks() {
    for end in 0..JOINED.len() {
        assert!(
            parse(&JOINED.as_bytes()[..end], STRUCTURED, &BTreeMap::new()).is_err()
                || end + 1 == JOINED.len()
        );
    }
    let secret =
        edited("\"key\": \"E-20417\"", "\"key\": \"hemlig@x.example\", \"hemlig\": 1, \"Hemlig\": 2");
    let refusal = read(&secret).unwrap_err();
    let said = format!("{} {refusal} {}", refusal.detail(), lint_text(&refusal, Language::Swedish));
    assert!(!said.to_lowercase().contains("hemlig"), "{said}");
    assert!(!format!("{:?}", read(JOINED).unwrap()).contains("berg"));
}
