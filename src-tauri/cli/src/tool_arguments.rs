//! The arguments of a tool call, as typed: one JSON object, or `key=value` words that the tool's schema gives types.

use std::{fmt, iter};

use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// How deep `$ref` is followed; schemas may refer to themselves.
const MAX_REFERENCES: usize = 8;

/// One `key=value` or `key:=json`.
#[derive(Clone, Debug, PartialEq)]
struct Pair {
    key: String,
    given: Given,
}

#[derive(Clone, Debug, PartialEq)]
enum Given {
    /// After `=`: the schema says what it is.
    Text(String),
    /// After `:=`: exactly this.
    Json(Value),
}

/// Why the words are no arguments of this tool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    /// A word of neither form.
    #[error("'{word}' is neither a JSON object nor key=value")]
    NoPair {
        /// The word.
        word: String,
    },
    /// JSON that cannot be read.
    #[error("{what} is not JSON: {cause}")]
    NotJson {
        /// Which text.
        what: String,
        /// The parser's words; they name a position and repeat nothing.
        cause: String,
    },
    /// JSON, but no object.
    #[error("{what} must be a JSON object")]
    NoObject {
        /// Which text.
        what: String,
    },
    /// A value the schema does not allow.
    #[error("'{key}' must be {wanted}, and '{given}' is not")]
    WrongType {
        /// Whose value.
        key: String,
        /// What it must be.
        wanted: String,
        /// What it is.
        given: String,
    },
    /// A key twice that is no list.
    #[error("'{key}' is given twice and is no list")]
    Twice {
        /// Which key.
        key: String,
    },
    /// A key the tool does not have.
    #[error("there is no argument '{key}'{}", known_keys(.known))]
    Unknown {
        /// Which key.
        key: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// Keys the tool cannot do without.
    #[error("missing: {}", .keys.join(", "))]
    Missing {
        /// Those that are missing, each with its type.
        keys: Vec<String>,
    },
}

fn known_keys(known: &[String]) -> String {
    match known {
        [] => "; the tool takes none".to_owned(),
        known => format!("; there is {}", known.join(", ")),
    }
}

/// Reads one JSON object; `what` names the text in an error.
pub(crate) fn object(text: &str, what: &str) -> Result<Object, ArgumentError> {
    let what = || what.to_owned();
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ArgumentError::NoObject { what: what() }),
        Err(error) => Err(ArgumentError::NotJson {
            what: what(),
            cause: error.to_string(),
        }),
    }
}

/// Gives `key=value` words the types of a tool's input schema.
pub(crate) fn typed(words: &[String], schema: &Object) -> Result<Object, ArgumentError> {
    let pairs = words
        .iter()
        .map(|word| Pair::parse(word))
        .collect::<Result<Vec<_>, _>>()?;
    let schema = Schema::root(schema);
    let mut arguments = Object::new();
    for key in distinct_keys(&pairs) {
        let given: Vec<&Given> = pairs
            .iter()
            .filter(|pair| pair.key == key)
            .map(|pair| &pair.given)
            .collect();
        let property = schema.property(key)?;
        arguments.insert(key.to_owned(), property.value(key, &given)?);
    }
    schema.nothing_missing(&arguments)?;
    Ok(arguments)
}

fn distinct_keys(pairs: &[Pair]) -> Vec<&str> {
    let mut keys: Vec<&str> = Vec::new();
    for Pair { key, .. } in pairs {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    keys
}

impl Pair {
    fn parse(word: &str) -> Result<Self, ArgumentError> {
        let no_pair = || ArgumentError::NoPair {
            word: word.to_owned(),
        };
        let (key, text) = word.split_once('=').ok_or_else(no_pair)?;
        let (key, given) = match key.strip_suffix(':') {
            None => (key, Given::Text(text.to_owned())),
            Some(key) => {
                let not_json = |error: serde_json::Error| ArgumentError::NotJson {
                    what: format!("the value of '{key}'"),
                    cause: error.to_string(),
                };
                (key, Given::Json(serde_json::from_str(text).map_err(not_json)?))
            }
        };
        if key.is_empty() {
            return Err(no_pair());
        }
        Ok(Self {
            key: key.to_owned(),
            given,
        })
    }
}

/// A schema within its document, references resolved; none where everything is allowed.
#[derive(Clone, Copy)]
struct Schema<'a> {
    document: &'a Object,
    own: Option<&'a Object>,
}

/// The types of JSON Schema, in the order a text is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    String,
    Integer,
    Number,
    Boolean,
    Null,
    Array,
    Object,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Null => "null",
            Self::Array => "a list",
            Self::Object => "an object",
        })
    }
}

impl Type {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "null" => Self::Null,
            "array" => Self::Array,
            "object" => Self::Object,
            _ => return None,
        })
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    /// The text as a value of this type.
    fn read(self, text: &str) -> Option<Value> {
        if self == Self::String {
            return Some(Value::String(text.to_owned()));
        }
        let value: Value = serde_json::from_str(text).ok()?;
        let fits = self == Self::of(&value) || (self == Self::Number && value.is_number());
        fits.then_some(value)
    }
}

impl<'a> Schema<'a> {
    fn root(document: &'a Object) -> Self {
        Self {
            document,
            own: Some(document),
        }
        .resolved()
    }

    fn at(self, schema: Option<&'a Value>) -> Self {
        Self {
            own: schema.and_then(Value::as_object),
            ..self
        }
        .resolved()
    }

    /// Follows `$ref` within the document; never fetches one.
    fn resolved(mut self) -> Self {
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = self.key("$ref").and_then(Value::as_str) else {
                break;
            };
            self.own = reference.strip_prefix('#').and_then(|path| self.pointed(path));
        }
        self
    }

    fn pointed(self, path: &str) -> Option<&'a Object> {
        let mut keys = path
            .split('/')
            .skip(1)
            .map(|key| key.replace("~1", "/").replace("~0", "~"));
        keys.try_fold(self.document, |object, key| object.get(&key)?.as_object())
    }

    fn key(self, name: &str) -> Option<&'a Value> {
        self.own?.get(name)
    }

    fn properties(self) -> Option<&'a Object> {
        self.key("properties").and_then(Value::as_object)
    }

    /// The schema of one property; refused when the tool surely does not have it.
    fn property(self, key: &str) -> Result<Self, ArgumentError> {
        let properties = self.properties();
        let found = properties.and_then(|properties| properties.get(key));
        if found.is_none() && self.key("additionalProperties") == Some(&Value::Bool(false)) {
            return Err(ArgumentError::Unknown {
                key: key.to_owned(),
                known: properties.into_iter().flat_map(Object::keys).cloned().collect(),
            });
        }
        Ok(self.at(found))
    }

    fn nothing_missing(self, arguments: &Object) -> Result<(), ArgumentError> {
        let required = self.key("required").and_then(Value::as_array);
        let keys: Vec<String> = required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|key| !arguments.contains_key(*key))
            .map(|key| self.with_type(key))
            .collect();
        if keys.is_empty() {
            Ok(())
        } else {
            Err(ArgumentError::Missing { keys })
        }
    }

    fn with_type(self, key: &str) -> String {
        let property = self.at(self.properties().and_then(|properties| properties.get(key)));
        match property.types().as_slice() {
            [] => key.to_owned(),
            types => format!("{key} ({})", alternatives(types)),
        }
    }

    /// The types allowed here; none for every type.
    fn types(self) -> Vec<Type> {
        let named = match self.key("type") {
            Some(Value::String(name)) => Type::parse(name).into_iter().collect(),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .filter_map(Type::parse)
                .collect(),
            _ => Vec::new(),
        };
        if !named.is_empty() {
            return named;
        }
        let constants = self.key("enum").and_then(Value::as_array).into_iter().flatten();
        let mut types: Vec<Type> = constants.chain(self.key("const")).map(Type::of).collect();
        for name in ["anyOf", "oneOf"] {
            let branches = self.key(name).and_then(Value::as_array).into_iter().flatten();
            types.extend(branches.flat_map(|branch| self.at(Some(branch)).shallow_types()));
        }
        types
    }

    /// The types named by a branch itself: branches of branches are not looked into.
    fn shallow_types(self) -> Vec<Type> {
        let name = self.key("type").and_then(Value::as_str).and_then(Type::parse);
        name.or_else(|| self.key("const").map(Type::of))
            .into_iter()
            .collect()
    }

    fn value(self, key: &str, given: &[&Given]) -> Result<Value, ArgumentError> {
        let types = self.types();
        match given {
            [Given::Json(value)] => Ok(value.clone()),
            [Given::Text(text)] if !types.contains(&Type::Array) => single(key, text, &types),
            [Given::Text(text)] => match Type::Array.read(text) {
                Some(list) => Ok(list),
                None => self.list(key, given),
            },
            _ if types.is_empty() || types.contains(&Type::Array) => self.list(key, given),
            _ => Err(ArgumentError::Twice { key: key.to_owned() }),
        }
    }

    fn list(self, key: &str, given: &[&Given]) -> Result<Value, ArgumentError> {
        let items = self.at(self.key("items"));
        let types = items.types();
        let item = |given: &&Given| match given {
            Given::Json(value) => Ok(value.clone()),
            Given::Text(text) => single(key, text, &types),
        };
        given
            .iter()
            .map(item)
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array)
    }
}

/// A text where a text is allowed stays a text: `:=` says otherwise.
fn single(key: &str, text: &str, types: &[Type]) -> Result<Value, ArgumentError> {
    if types.is_empty() || types.contains(&Type::String) {
        return Ok(Value::String(text.to_owned()));
    }
    let read = types.iter().find_map(|kind| kind.read(text));
    read.ok_or_else(|| ArgumentError::WrongType {
        key: key.to_owned(),
        wanted: alternatives(types),
        given: text.to_owned(),
    })
}

fn alternatives(types: &[Type]) -> String {
    let mut names: Vec<String> = types.iter().map(Type::to_string).collect();
    names.dedup();
    match names.pop() {
        Some(last) if !names.is_empty() => iter::once(names.join(", "))
            .chain([last])
            .collect::<Vec<_>>()
            .join(" or "),
        last => last.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
