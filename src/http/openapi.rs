//! `GET /v1/openapi.json`: the API as OpenAPI 3.1, made of the table of routes, the list of problems and the types that are answered.
//! Pure. Not here: what is said of each route (`operations`), and whether real answers keep to it, which the tests say.

mod operations;

use super::problem::{Details, ProblemKind};
use super::routes::ROUTES;
use super::stream::told::Told;
use super::tokens::Role;
use operations::{OPERATIONS, Operation, Sent, Shape};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Where it is served.
pub(super) const PATH: &str = "/v1/openapi.json";

/// Where the schemas stand in the document.
const SCHEMAS: &str = "/components/schemas";

/// The document as text, made once.
pub(super) static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// Makes schemas: of what is answered, and of what is sent.
struct Shapes {
    answered: SchemaGenerator,
    sent: SchemaGenerator,
}

/// The document.
fn document() -> Value {
    let mut shapes = Shapes::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in &OPERATIONS {
        let described = described(operation, &mut shapes);
        paths.entry(operation.path).or_default().insert(operation.method.as_str().to_lowercase(), described);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "carepass",
            "version": "1",
            "summary": "Who has access to which reseller domain, who waits for what, and orders about it.",
            "description": "Problems are RFC 9457; `Accept-Language: sv` gives Swedish. Paths of /v1 change by addition only.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": shapes.definitions(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the tokens file; `carepass token new` makes one.",
                },
            },
        },
    })
}

fn described(operation: &Operation, shapes: &mut Shapes) -> Value {
    let least = least(operation);
    let needs = least.map_or_else(|| "Needs no token.".to_owned(), |role| format!("Needs the role {role}."));
    let mut object = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "description": needs,
        "parameters": parameters(operation, shapes),
        "responses": responses(operation, shapes),
    });
    match least {
        Some(role) => object["x-least-role"] = json!(role),
        None => object["security"] = json!([]),
    }
    if let Some(body) = &operation.body {
        object["requestBody"] = json!({ "required": true, "content": body.content(shapes) });
    }
    object
}

/// The least role, of a route that needs a token.
fn least(operation: &Operation) -> Option<Role> {
    let of = |route: &&super::routes::Route| route.path == operation.path && route.method == operation.method;
    ROUTES.iter().find(of).map(|route| route.least)
}

fn parameters(operation: &Operation, shapes: &mut Shapes) -> Vec<Value> {
    let placeholders = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = placeholders
        .map(|name| {
            let schema = json!({ "type": "string", "minLength": 1 });
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect();
    for query in operation.query {
        parameters.push(json!({
            "name": query.name,
            "in": query.place,
            "description": query.about,
            "schema": query.shape.schema(&mut shapes.sent),
        }));
    }
    parameters
}

/// What is answered by status: the good ones, and the problems with their codes.
fn responses(operation: &Operation, shapes: &mut Shapes) -> BTreeMap<String, Value> {
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    for answer in operation.answers {
        let mut response = json!({ "description": answer.about });
        if !answer.media.is_empty() {
            response["content"] =
                json!({ answer.media: { "schema": answer.shape.schema(&mut shapes.answered) } });
        }
        responses.insert(answer.status.to_string(), response);
    }
    let details = shapes.answered.subschema_for::<Details<'_>>();
    let kinds: BTreeSet<ProblemKind> = operation.problems.iter().copied().flatten().copied().collect();
    for kind in kinds {
        let response = responses
            .entry(kind.status().as_u16().to_string())
            .or_insert_with(|| json!({ "description": "" }));
        let known = response["description"].as_str().unwrap_or_default().to_owned();
        let said = format!("`{}`: {}. {}", kind.code(), kind.title(), known);
        response["description"] = json!(said.trim_end());
        response["content"]["application/problem+json"] = json!({ "schema": details });
    }
    responses
}

impl Sent {
    fn content(&self, shapes: &mut Shapes) -> Value {
        let content = self
            .media
            .iter()
            .map(|media| ((*media).to_owned(), json!({ "schema": self.shape.schema(&mut shapes.sent) })));
        Value::Object(content.collect())
    }
}

impl Shape {
    fn schema(&self, generator: &mut SchemaGenerator) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Anything => json!({}),
            Self::Flag => json!({ "type": "boolean" }),
            Self::Count => json!({ "type": "integer", "minimum": 1 }),
            Self::Place => json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX }),
            Self::Of(of) => json!(of(generator)),
            Self::AnyOf(of) => {
                let schemas: Vec<Schema> = of.iter().map(|of| of(generator)).collect();
                json!({ "anyOf": schemas })
            }
        }
    }
}

impl Shapes {
    fn new() -> Self {
        let settings = || {
            let mut settings = SchemaSettings::draft2020_12().with_transform(NoForeignFormats);
            settings.definitions_path = SCHEMAS.into();
            settings.meta_schema = None;
            settings
        };
        Self {
            answered: settings().for_serialize().into_generator(),
            sent: settings().for_deserialize().into_generator(),
        }
    }

    /// All named schemas. What is both sent and answered is one word or one text and the same either way.
    fn definitions(&mut self) -> Map<String, Value> {
        // It is the data of the events of a stream, which has no schema of its own.
        self.answered.subschema_for::<Told>();
        let mut all = self.sent.take_definitions(true);
        all.extend(self.answered.take_definitions(true));
        all
    }
}

/// Rust's names of number types are no formats that anybody else knows.
#[derive(Clone)]
struct NoForeignFormats;

impl Transform for NoForeignFormats {
    fn transform(&mut self, schema: &mut Schema) {
        let foreign =
            schema.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint"));
        if foreign {
            schema.remove("format");
        }
        transform_subschemas(self, schema);
    }
}

/// The schema of a type, as a reference.
pub(super) fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

#[cfg(test)]
#[path = "openapi/tests.rs"]
mod tests;
