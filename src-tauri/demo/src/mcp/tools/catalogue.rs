//! What each tool is called, and what it takes.

use serde_json::{Value, json};

/// Every tool, with `extra` more of no use but to be many.
pub(super) fn all(extra: usize) -> Vec<Value> {
    let mut tools = plain();
    tools.extend(special());
    tools.extend((1..=extra).map(|number| {
        tool(
            &format!("extra_{number:04}"),
            "Repeat a text; one of many",
            &json!({"text": {"type": "string"}}),
            &["text"],
        )
    }));
    tools
}

fn tool(name: &str, description: &str, properties: &Value, required: &[&str]) -> Value {
    json!({
        "name": name,
        "description": description,
        "inputSchema": {"type": "object", "properties": properties, "required": required},
    })
}

fn read_only(mut tool: Value) -> Value {
    tool["annotations"] = json!({"readOnlyHint": true});
    tool
}

fn plain() -> Vec<Value> {
    let number = json!({"type": "number"});
    let small = |least: u32, most: u32, default: u32| json!({"type": "integer", "minimum": least, "maximum": most, "default": default});
    vec![
        tool(
            "echo",
            "Repeat a text",
            &json!({"text": {"type": "string"}}),
            &["text"],
        ),
        tool(
            "add",
            "Add two numbers",
            &json!({"a": number, "b": number}),
            &["a", "b"],
        ),
        tool(
            "time",
            "The time now",
            &json!({"utc_offset_minutes": {"type": "integer", "minimum": -1439, "maximum": 1439}}),
            &[],
        ),
        tool(
            "roll_dice",
            "Roll dice",
            &json!({"dice": small(1, 100, 1), "sides": small(2, 1000, 6)}),
            &[],
        ),
        tool(
            "convert",
            "Convert between units: m, km, cm, ft, in, mi, kg, g, lb, oz, C, F, K",
            &json!({"value": number, "from": {"type": "string"}, "to": {"type": "string"}}),
            &["value", "from", "to"],
        ),
        tool(
            "random_words",
            "Some words at random",
            &json!({"count": small(1, 50, 5)}),
            &[],
        ),
    ]
    .into_iter()
    .map(read_only)
    .collect()
}

fn special() -> Vec<Value> {
    let count = json!({"type": "integer", "minimum": 1, "maximum": 60, "default": 5});
    let pause = json!({"type": "integer", "minimum": 0, "maximum": 10_000, "default": 200});
    let mut moon = read_only(tool("moon_phase", "The phase of the moon now", &json!({}), &[]));
    moon["outputSchema"] = json!({
        "type": "object",
        "properties": {
            "phase": {"type": "string"},
            "age_days": {"type": "number"},
            "illuminated": {"type": "number"},
        },
        "required": ["phase", "age_days", "illuminated"],
    });
    vec![
        read_only(tool(
            "countdown",
            "Count down slowly, with progress",
            &json!({"from": count, "pause_ms": pause}),
            &[],
        )),
        read_only(tool("picture", "A small picture", &json!({}), &[])),
        moon,
        read_only(tool(
            "office_hours",
            "When an office is open",
            &json!({"region": {"type": "string", "enum": ["eu", "us", "jp"], "x-mcp-header": "Region"}}),
            &["region"],
        )),
        tool(
            "add_note",
            "Write a note; needs notes:write",
            &json!({"text": {"type": "string"}}),
            &["text"],
        ),
        read_only(tool("list_notes", "Your notes", &json!({}), &[])),
        tool("always_fails", "Fail, always", &json!({}), &[]),
        read_only(tool(
            "who_am_i",
            "The account this connection acts for",
            &json!({}),
            &[],
        )),
    ]
}
