use serde_json::json;

use super::*;

fn read(words: &[&str], schema: Value) -> Result<Value, ArgumentError> {
    let Value::Object(schema) = schema else {
        panic!("a schema is an object")
    };
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    typed(&words, &schema).map(Value::Object)
}

fn properties(properties: &Value) -> Value {
    json!({"type": "object", "properties": properties})
}

#[test]
fn the_schema_says_what_a_text_is() {
    let schema = properties(&json!({
        "name": {"type": "string"}, "count": {"type": "integer"}, "ratio": {"type": "number"},
        "loud": {"type": "boolean"}, "none": {"type": "null"}, "deep": {"type": "object"},
    }));
    assert_eq!(
        read(
            &[
                "name=12",
                "count=3",
                "ratio=3",
                "loud=true",
                "none=null",
                r#"deep={"a":1}"#
            ],
            schema
        ),
        Ok(json!({"name": "12", "count": 3, "ratio": 3, "loud": true, "none": null, "deep": {"a": 1}}))
    );
}

#[test]
fn a_list_is_made_by_repeating_its_key_or_as_json() {
    let schema = || properties(&json!({"ids": {"type": "array", "items": {"type": "integer"}}}));
    assert_eq!(read(&["ids=1", "ids=2"], schema()), Ok(json!({"ids": [1, 2]})));
    assert_eq!(read(&["ids=1"], schema()), Ok(json!({"ids": [1]})));
    assert_eq!(read(&["ids=[1,2]"], schema()), Ok(json!({"ids": [1, 2]})));
    assert_eq!(read(&["ids:=[]"], schema()), Ok(json!({"ids": []})));
}

#[test]
fn where_a_text_is_allowed_a_text_stays_a_text_and_json_is_taken_as_it_is() {
    let schema = || properties(&json!({"id": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}));
    assert_eq!(read(&["id=5"], schema()), Ok(json!({"id": "5"})));
    assert_eq!(read(&["id:=5"], schema()), Ok(json!({"id": 5})));
    assert_eq!(read(&["a=b=c"], schema()), Ok(json!({"a": "b=c"})));
}

#[test]
fn types_are_found_behind_references_enums_and_alternatives() {
    let schema = json!({
        "$defs": {"Level": {"enum": [1, 2]}, "Loop": {"$ref": "#/$defs/Loop"}},
        "properties": {
            "level": {"$ref": "#/$defs/Level"},
            "maybe": {"type": ["integer", "null"]},
            "either": {"oneOf": [{"type": "boolean"}, {"type": "number"}]},
            "loop": {"$ref": "#/$defs/Loop"},
        }
    });
    assert_eq!(
        read(&["level=2", "maybe=null", "either=1.5", "loop=x"], schema),
        Ok(json!({"level": 2, "maybe": null, "either": 1.5, "loop": "x"}))
    );
}

#[test]
fn what_does_not_fit_is_told_in_words_of_the_schema() {
    let schema = || {
        json!({
            "properties": {"count": {"type": "integer"}, "name": {"type": "string"}},
            "required": ["name"], "additionalProperties": false,
        })
    };
    let error = |words: &[&str]| read(words, schema()).expect_err("refused").to_string();
    assert_eq!(
        error(&["count=x", "name=a"]),
        "'count' must be a whole number, and 'x' is not"
    );
    assert_eq!(
        error(&["name=a", "name=b"]),
        "'name' is given twice and is no list"
    );
    assert_eq!(
        error(&["nmae=a"]),
        "there is no argument 'nmae'; there is count, name"
    );
    assert_eq!(error(&[]), "missing: name (a text)");
    assert_eq!(error(&["name"]), "'name' is neither a JSON object nor key=value");
    assert_eq!(error(&["=a"]), "'=a' is neither a JSON object nor key=value");
    assert!(error(&["name:=a"]).starts_with("the value of 'name' is not JSON: "));
}

#[test]
fn a_document_must_be_an_object() {
    assert_eq!(
        object(r#"{"a": 1}"#, "it").map(Value::Object),
        Ok(json!({"a": 1}))
    );
    assert_eq!(
        object("[]", "the argument").expect_err("refused").to_string(),
        "the argument must be a JSON object"
    );
    assert!(matches!(object("{", "it"), Err(ArgumentError::NotJson { .. })));
}
