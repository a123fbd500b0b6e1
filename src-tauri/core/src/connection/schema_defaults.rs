//! Answering an elicitation with the defaults of its own schema (MCP "Elicitation", SEP-1034), where nobody is there to
//! ask and the user said beforehand that this is fine.

use futures::future::{BoxFuture, FutureExt};
use rmcp::model::{
    ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationCapability, FormElicitationCapability,
};
use serde_json::{Map, Value};

use super::client_handler::Elicit;

/// Accepts a form all of whose required fields have defaults, with these; declines everything else.
///
/// A request to visit a URL is always declined: only a person can.
#[derive(Clone, Copy, Debug, Default)]
pub struct SchemaDefaults;

impl Elicit for SchemaDefaults {
    fn capability(&self) -> ElicitationCapability {
        ElicitationCapability::new().with_form(FormElicitationCapability::default())
    }

    fn elicit(&self, request: ElicitRequestParams) -> BoxFuture<'_, ElicitResult> {
        let answer = form(&request).and_then(|schema| defaults(&schema));
        let result = match answer {
            Some(content) => ElicitResult::new(ElicitationAction::Accept).with_content(content.into()),
            None => ElicitResult::new(ElicitationAction::Decline),
        };
        std::future::ready(result).boxed()
    }
}

fn form(request: &ElicitRequestParams) -> Option<Value> {
    match request {
        ElicitRequestParams::FormElicitationParams { requested_schema, .. } => {
            serde_json::to_value(requested_schema).ok()
        }
        _ => None,
    }
}

/// The defaults of a schema; none when a required field has no default.
fn defaults(schema: &Value) -> Option<Map<String, Value>> {
    let fields = schema.get("properties").and_then(Value::as_object);
    let content: Map<_, _> = fields
        .into_iter()
        .flatten()
        .filter_map(|(name, field)| Some((name.clone(), field.get("default")?.clone())))
        .collect();
    let required = schema.get("required").and_then(Value::as_array);
    let mut required = required.into_iter().flatten().filter_map(Value::as_str);
    required.all(|name| content.contains_key(name)).then_some(content)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn answer(request: Value) -> Value {
        let request = serde_json::from_value(request).expect("an elicitation");
        let result = SchemaDefaults.elicit(request).await;
        serde_json::to_value(result).expect("JSON")
    }

    fn asking(properties: &Value, required: &Value) -> Value {
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        json!({ "message": "Who are you?", "requestedSchema": schema })
    }

    #[tokio::test]
    async fn a_form_is_accepted_with_its_defaults() {
        let fields = json!({
            "name": { "type": "string", "default": "Ada" },
            "age": { "type": "integer", "default": 36 },
            "verified": { "type": "boolean", "default": true },
            "note": { "type": "string" },
        });
        assert_eq!(
            answer(asking(&fields, &json!(["name"]))).await,
            json!({ "action": "accept", "content": { "name": "Ada", "age": 36, "verified": true } })
        );
    }

    #[tokio::test]
    async fn a_required_field_without_a_default_needs_a_person() {
        let fields = json!({ "name": { "type": "string" } });
        let declined = json!({ "action": "decline" });
        assert_eq!(answer(asking(&fields, &json!(["name"]))).await, declined);
    }

    #[tokio::test]
    async fn a_page_to_visit_needs_a_person() {
        let visit =
            json!({ "mode": "url", "message": "Pay", "url": "https://h.example/", "elicitationId": "1" });
        assert_eq!(answer(visit).await, json!({ "action": "decline" }));
    }
}
