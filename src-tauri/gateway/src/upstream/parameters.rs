//! Arguments that a tool's schema wants repeated in header fields (`x-mcp-header`, SEP-2243).

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::http::encoded;

/// The fields for these arguments. An argument that is not given, or null, has none.
pub(crate) fn fields(schema: &Value, arguments: &Value) -> HeaderMap {
    let mut fields = HeaderMap::new();
    collect((schema, arguments), &mut fields);
    fields
}

fn collect((schema, arguments): (&Value, &Value), fields: &mut HeaderMap) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let argument = &arguments[name];
        if let (Some(field), Some(text)) = (schema["x-mcp-header"].as_str(), as_text(argument)) {
            let field = HeaderName::from_bytes(format!("mcp-param-{field}").as_bytes()).ok();
            fields.extend(field.zip(encoded(&text)));
        }
        if argument.is_object() {
            collect((schema, argument), fields);
        }
    }
}

fn as_text(argument: &Value) -> Option<String> {
    match argument {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(argument.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_repeated_where_the_schema_asks_for_it() {
        let schema = json!({ "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "count": { "type": "integer", "x-mcp-header": "Count" },
            "absent": { "type": "string", "x-mcp-header": "Absent" },
            "nothing": { "type": "string", "x-mcp-header": "Nothing" },
            "bad": { "type": "string", "x-mcp-header": "no token" },
            "plain": { "type": "string" },
            "in": { "type": "object", "properties": { "deep": { "type": "boolean", "x-mcp-header": "Deep" } } },
        } });
        let arguments = json!({
            "region": "Zürich", "count": 7, "nothing": null, "bad": "x", "plain": "p", "in": { "deep": true },
        });
        let fields = fields(&schema, &arguments);
        let said = |name: &str| {
            fields
                .get(name)
                .map(|value| value.to_str().expect("text").to_owned())
        };
        assert_eq!(
            said("mcp-param-region").as_deref(),
            Some("=?base64?WsO8cmljaA==?=")
        );
        assert_eq!(said("mcp-param-count").as_deref(), Some("7"));
        assert_eq!(said("mcp-param-deep").as_deref(), Some("true"));
        assert_eq!(fields.len(), 3);
    }
}
