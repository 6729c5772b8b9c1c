//! Discovery documents, for clients that read them before anything else: made from the list of published methods, so that a
//! client finds here what can be asked for here, with the addresses of Google's own. Not here: texts for people, and the fields of answers.

use super::call::{Answer, Call};
use super::published::{ApiDocument, Field, Fields, Kind, Method, published};
use serde_json::{Map, Value, json};

const SCOPES: &str = "https://www.googleapis.com/auth/";

/// The document that a call asks for, if it asks for one: `/$discovery/rest?version=…` at the API's host, or
/// `/discovery/v1/apis/{name}/{version}/rest`.
pub fn answer(call: &Call, segments: &[String]) -> Option<Answer> {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let id = match parts.as_slice() {
        ["$discovery", "rest"] if call.method == "GET" => {
            let name = call.host.as_deref()?.split('.').next()?.to_owned();
            format!("{name}:{}", call.parameter("version")?)
        }
        ["discovery", "v1", "apis", name, version, "rest"] if call.method == "GET" => {
            format!("{name}:{version}")
        }
        _ => return None,
    };
    published().apis.values().find(|api| api.id == id).map(|api| Answer::json(document(api)))
}

fn document(api: &ApiDocument) -> Value {
    let (name, version) = api.id.split_once(':').unwrap_or((&api.id, ""));
    let root = format!("https://{name}.googleapis.com/");
    let scopes = api.scopes.iter().map(|scope| (format!("{SCOPES}{scope}"), json!({"description": ""})));
    let mut document = json!({
        "kind": "discovery#restDescription", "discoveryVersion": "v1", "protocol": "rest",
        "id": api.id, "name": name, "version": version, "revision": api.revision,
        "rootUrl": root, "servicePath": "", "baseUrl": root, "batchPath": "batch",
        "auth": {"oauth2": {"scopes": scopes.collect::<Map<_, _>>()}},
        "parameters": parameters(&published().common, "query"),
        "schemas": schemas(api),
        "resources": {},
    });
    for (id, method) in &api.methods {
        let parts: Vec<&str> = id.split('.').collect();
        let Some((last, resources)) = parts.split_last() else { continue };
        let mut place = &mut document;
        for resource in resources {
            place = &mut place["resources"][resource];
        }
        place["methods"][last] = method_json(&format!("{name}.{id}"), method);
    }
    document
}

fn method_json(id: &str, method: &Method) -> Value {
    let of_query =
        method.parameters.iter().filter(|(name, _)| !method.call.names().any(|of_path| of_path == *name));
    let mut known: Map<String, Value> =
        of_query.map(|(name, field)| (name.clone(), parameter(field, "query"))).collect();
    for name in method.call.names() {
        let mut of_path = method
            .parameters
            .get(name)
            .map_or_else(|| json!({"type": "string", "location": "path"}), |field| parameter(field, "path"));
        of_path["required"] = json!(true);
        known.insert(name.to_owned(), of_path);
    }
    let path = method.call.to_string();
    let mut body = json!({
        "id": id, "path": path, "flatPath": path, "httpMethod": method.call.verb, "parameters": known,
        "parameterOrder": method.call.names().collect::<Vec<_>>(),
    });
    for (field, schema) in [("request", &method.request), ("response", &method.response)] {
        if let Some(schema) = schema {
            body[field] = json!({"$ref": schema});
        }
    }
    body
}

/// What can be sent, with its fields; what is answered, as far as a client needs it to go from page to page.
fn schemas(api: &ApiDocument) -> Value {
    let mut schemas = Map::new();
    for method in api.methods.values() {
        if let Some(name) = &method.response {
            let paged = method.parameters.contains_key("pageToken");
            let properties = if paged { json!({"nextPageToken": {"type": "string"}}) } else { json!({}) };
            schemas.insert(name.clone(), json!({"id": name, "type": "object", "properties": properties}));
        }
    }
    for (name, fields) in &api.schemas {
        let properties: Map<String, Value> =
            fields.iter().map(|(name, field)| (name.clone(), type_json(&field.kind))).collect();
        schemas.insert(name.clone(), json!({"id": name, "type": "object", "properties": properties}));
    }
    Value::Object(schemas)
}

fn parameters(fields: &Fields, location: &str) -> Value {
    Value::Object(fields.iter().map(|(name, field)| (name.clone(), parameter(field, location))).collect())
}

fn parameter(field: &Field, location: &str) -> Value {
    let mut body = type_json(&field.kind);
    body["location"] = json!(location);
    for (name, limit) in [("minimum", field.minimum), ("maximum", field.maximum)] {
        if let Some(limit) = limit {
            body[name] = json!(limit.to_string());
        }
    }
    if !field.values.is_empty() {
        body["enum"] = json!(field.values);
    }
    if let Some(pattern) = &field.pattern {
        body["pattern"] = json!(pattern);
    }
    if field.required {
        body["required"] = json!(true);
    }
    body
}

fn type_json(kind: &Kind) -> Value {
    match kind {
        Kind::String => json!({"type": "string"}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Int32 => json!({"type": "integer", "format": "int32"}),
        Kind::Uint32 => json!({"type": "integer", "format": "uint32"}),
        Kind::Int64 => json!({"type": "string", "format": "int64"}),
        Kind::Double => json!({"type": "number", "format": "double"}),
        Kind::Any => json!({"type": "any"}),
        Kind::Map => json!({"type": "object", "additionalProperties": {"type": "any"}}),
        Kind::List(item) => json!({"type": "array", "items": type_json(item)}),
        Kind::Message(name) => json!({"$ref": name}),
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Body;
    use super::*;

    fn check(path: &str, query: &str, expected: Option<&str>) {
        let call = Call {
            method: "GET".into(),
            path: path.into(),
            query: query.into(),
            host: Some("admin.googleapis.com".into()),
            ..Call::default()
        };
        let found = answer(&call, &call.segments()).map(|answer| match answer.body {
            Body::Json(body) => body["id"].as_str().unwrap().to_owned(),
            other @ (Body::Empty | Body::Html(_)) => panic!("{other:?}"),
        });
        assert_eq!(found.as_deref(), expected, "{path}?{query}");
    }

    #[test]
    fn documents_are_found_by_host_or_by_name() {
        check("/$discovery/rest", "version=directory_v1", Some("admin:directory_v1"));
        check("/%24discovery/rest", "version=reports_v1", Some("admin:reports_v1"));
        check("/discovery/v1/apis/licensing/v1/rest", "", Some("licensing:v1"));
        check("/$discovery/rest", "version=v9", None);
        check("/$discovery/rest", "", None);
    }

    #[test]
    fn methods_stand_below_their_resource_with_what_their_path_needs() {
        let api = published().apis.values().find(|api| api.id == "admin:directory_v1").unwrap();
        let document = document(api);
        let insert = &document["resources"]["users"]["resources"]["aliases"]["methods"]["insert"];
        assert_eq!(insert["path"], "admin/directory/v1/users/{userKey}/aliases");
        assert_eq!(
            insert["parameters"]["userKey"],
            json!({"type": "string", "location": "path", "required": true})
        );
        assert_eq!(insert["request"], json!({"$ref": "Alias"}));
        assert_eq!(document["schemas"]["Users"]["properties"]["nextPageToken"], json!({"type": "string"}));
    }
}
