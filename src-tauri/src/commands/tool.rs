//! A tool as the panel shows it.

use omlx_mcp::json_value::JsonValue;
use rmcp::model;
use serde::Serialize;
use serde_json::Value;

/// A tool, with its schemas as the server wrote them.
#[derive(Clone, Debug, Serialize, specta::Type)]
pub(crate) struct Tool {
    name: String,
    title: Option<String>,
    description: Option<String>,
    #[specta(type = JsonValue)]
    input_schema: Value,
    #[specta(type = Option<JsonValue>)]
    output_schema: Option<Value>,
    /// `annotations.readOnlyHint`
    read_only: Option<bool>,
    /// `annotations.destructiveHint`
    destructive: Option<bool>,
}

impl From<&model::Tool> for Tool {
    fn from(tool: &model::Tool) -> Self {
        let hints = tool.annotations.as_ref();
        Self {
            name: tool.name.to_string(),
            title: tool.title.clone(),
            description: tool.description.as_deref().map(str::to_owned),
            input_schema: Value::Object(tool.input_schema.as_ref().clone()),
            output_schema: tool
                .output_schema
                .as_ref()
                .map(|schema| Value::Object(schema.as_ref().clone())),
            read_only: hints.and_then(|hints| hints.read_only_hint),
            destructive: hints.and_then(|hints| hints.destructive_hint),
        }
    }
}
