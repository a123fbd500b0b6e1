//! `omlx mcp call`: one tool, called once.

use std::{
    fs,
    io::{self, Read},
    sync::Arc,
};

use omlx_mcp::{
    ServerId,
    connection::{SchemaDefaults, client_handler::Elicit},
    handle::Server,
};
use rmcp::model::{CallToolResult, JsonObject};
use serde::Serialize;
use serde_json::Value;

use crate::{
    context::{Context, Loaded},
    core::{self, Start, Wanted, with_core},
    failure::{Ending, Failure},
    mend::quoted,
    output::{Output, face::Paint, json, text},
    tool_arguments::{self, ArgumentError},
};

/// The most read from a file or standard input, in bytes.
const MAX_DOCUMENT: u64 = 16 * 1024 * 1024;

/// Call a tool, and print what it answers
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Arguments are one JSON object, or key=value words. The tool's schema says what a value is: limit=5 is a \
number where a number is wanted, and a text where a text is. Repeat a key to make a list. key:=JSON takes \
the value as it is. @FILE reads the object from a file, - from standard input.

Texts are printed as they come, other content is described. The exit code is 1 when the tool reports an \
error.

Examples:
  omlx mcp call notion__search query='meeting notes' limit=5
  omlx mcp call linear__create_issue title=Crash labels=bug labels=urgent
  omlx mcp call notion__search '{\"query\": \"meeting notes\"}'
  omlx mcp call notion__search filter:='{\"property\": \"object\"}' query=notes
  jq -n '{query: \"notes\"}' | omlx mcp call notion__search -")]
pub(crate) struct CallArguments {
    /// The server's name, two underscores, the tool's name
    #[arg(value_name = "SERVER__TOOL")]
    tool: String,
    /// One JSON object, @FILE, -, or key=value and key:=JSON words
    #[arg(value_name = "ARGUMENT")]
    arguments: Vec<String>,

    /// Where the tool asks something in between, answer with the defaults it proposes; otherwise it is declined
    #[arg(long)]
    accept_defaults: bool,
}

impl CallArguments {
    /// Who answers what the tool asks; nobody declines it (decision 0014).
    fn elicit(&self) -> Option<Arc<dyn Elicit>> {
        self.accept_defaults.then(|| Arc::new(SchemaDefaults) as _)
    }
}

/// Where the arguments come from.
#[derive(Debug, PartialEq)]
enum Given {
    Document(JsonObject),
    Pairs(Vec<String>),
}

/// `--json`
#[derive(Debug, Serialize)]
struct Answer<'a> {
    server: &'a ServerId,
    tool: &'a str,
    is_error: bool,
    content: Value,
    structured_content: Option<&'a Value>,
}

/// Calls it.
pub(super) async fn run(
    arguments: &CallArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let given = Given::read(&arguments.arguments)?;
    let config = context.config();
    let (id, tool) = split(&arguments.tool, &config)?;
    let result = with_core(
        context,
        Start::new(&config, Wanted::Only(vec![id.clone()])).answering(arguments.elicit()),
        async |handle| {
            let server = handle
                .server(id.as_str())
                .map_err(|error| Failure::told(&error))?;
            let working = Box::pin(call((&server, tool), given, context));
            core::awaiting(
                output,
                &format!("Calling {}…", text::line(&arguments.tool)),
                working,
            )
            .await?
        },
    )
    .await?;
    if context.global.json {
        output.json(&Answer {
            server: &id,
            tool,
            is_error: result.is_error == Some(true),
            content: serde_json::to_value(&result.content).map_err(io::Error::from)?,
            structured_content: result.structured_content.as_ref(),
        })?;
    } else {
        show(&result, output)?;
    }
    Ok(if result.is_error == Some(true) {
        Ending::Failed
    } else {
        Ending::Done
    })
}

impl Given {
    fn read(words: &[String]) -> Result<Self, Failure> {
        let document = match words {
            [only] if only == "-" => Some((
                text_of(io::stdin().lock(), "standard input")?,
                "standard input".to_owned(),
            )),
            [only] if only.starts_with('@') => {
                let path = only.trim_start_matches('@');
                let file = fs::File::open(path).map_err(|error| unreadable(path, &error))?;
                Some((text_of(file, path)?, path.to_owned()))
            }
            [only] if only.trim_start().starts_with('{') => Some((only.clone(), "the argument".to_owned())),
            _ => None,
        };
        match document {
            Some((text, what)) => Ok(Self::Document(
                tool_arguments::object(&text, &what).map_err(|error| usage(&error))?,
            )),
            None => Ok(Self::Pairs(words.to_vec())),
        }
    }
}

fn text_of(mut source: impl Read, name: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let mut bounded = source.by_ref().take(MAX_DOCUMENT);
    bounded
        .read_to_string(&mut text)
        .map_err(|error| unreadable(name, &error))?;
    Ok(text)
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("{name} cannot be read: {}", error.kind()))
}

fn usage(error: &ArgumentError) -> Failure {
    Failure::usage(error.to_string())
}

/// oMLX splits at the first `__`; where no server is called that, a longer name that is one is meant.
fn split<'a>(name: &'a str, config: &Loaded) -> Result<(ServerId, &'a str), Failure> {
    let splits = name
        .match_indices("__")
        .map(|(at, _)| (&name[..at], &name[at + 2..]));
    let known = |(server, tool): (&str, &'a str)| {
        let id = config
            .state
            .config
            .servers
            .keys()
            .find(|id| id.as_str() == server)?;
        (!tool.is_empty()).then(|| (id.clone(), tool))
    };
    match (splits.clone().find_map(known), splits.clone().next()) {
        (Some(found), _) => Ok(found),
        (None, Some((server, tool))) => Ok((config.server(server)?, tool)),
        (None, None) => {
            let message = format!(
                "'{}' is no tool of a server: server__tool is expected",
                text::line(name)
            );
            Err(Failure::usage(message).with_hint("omlx mcp tools lists them"))
        }
    }
}

async fn call(
    (server, tool): (&Server, &str),
    given: Given,
    context: &Context,
) -> Result<CallToolResult, Failure> {
    let told = |problem| Failure::of(problem, Some(server.id()));
    let arguments = match given {
        Given::Document(document) => document,
        Given::Pairs(words) => {
            let tools = server.tools().await.map_err(told)?;
            let Some(known) = tools.iter().find(|known| known.name == tool) else {
                return Err(no_such_tool(server.id(), tool, context));
            };
            let right = format!(
                "{} tools {} --schema",
                context.command(),
                quoted(server.id().as_str())
            );
            tool_arguments::typed(&words, &known.input_schema)
                .map_err(|error| usage(&error).with_hint(right))?
        }
    };
    server.call(tool, arguments).await.map_err(told)
}

fn no_such_tool(server: &ServerId, tool: &str, context: &Context) -> Failure {
    let message = format!("{server} has no tool '{}'", text::line(tool));
    Failure::usage(message).with_hint(format!("{} tools {}", context.command(), quoted(server.as_str())))
}

/// Texts as they are; what a terminal cannot show is described. Structured content is shown where nothing else is.
fn show(result: &CallToolResult, output: &mut Output) -> Result<(), Failure> {
    for block in &result.content {
        match block.as_text() {
            Some(shown) => output.data(text::block(&shown.text).trim_end_matches('\n'))?,
            None => output.say(
                Paint::Faint,
                &described(&serde_json::to_value(block).map_err(io::Error::from)?),
            )?,
        }
    }
    if let (Some(structured), []) = (&result.structured_content, result.content.as_slice()) {
        output.data(&json::pretty(structured)?)?;
    }
    if result.is_error == Some(true) {
        output.say(Paint::Bad, "The tool reports an error.")?;
    }
    Ok(())
}

/// `[image image/png, 1234 bytes of base64]`: whatever MCP calls it, told by the members it has.
fn described(block: &Value) -> String {
    let resource = block.get("resource").unwrap_or(block);
    let member = |name: &str| {
        let value = block
            .get(name)
            .or_else(|| resource.get(name))
            .and_then(Value::as_str);
        value.map(text::line)
    };
    let size = |name: &str| {
        resource
            .get(name)
            .and_then(Value::as_str)
            .map(|data| format!("{} bytes of base64", data.len()))
    };
    let parts = [
        member("type"),
        member("mimeType"),
        member("uri"),
        size("data"),
        size("blob"),
    ];
    format!("[{}]", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_text_is_described_by_kind_and_size() {
        let image = json!({"type": "image", "mimeType": "image/png", "data": "AAAA"});
        assert_eq!(described(&image), "[image, image/png, 4 bytes of base64]");
        let link = json!({"type": "resource_link", "uri": "file:///a\u{1b}[2J", "name": "a"});
        assert_eq!(described(&link), "[resource_link, file:///a]");
        let embedded = json!({"type": "resource", "resource": {"uri": "x:1", "blob": "AA"}});
        assert_eq!(described(&embedded), "[resource, x:1, 2 bytes of base64]");
    }

    #[test]
    fn one_object_is_a_document_and_everything_else_is_pairs() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let read = |given: &[&str]| Given::read(&words(given));
        assert!(matches!(read(&[" {\"a\": 1}"]), Ok(Given::Document(_))));
        assert!(matches!(read(&["a={}"]), Ok(Given::Pairs(_))));
        assert!(matches!(read(&[]), Ok(Given::Pairs(_))));
        assert!(matches!(read(&["{"]), Err(Failure::Usage { .. })));
        assert!(matches!(read(&["@/no/such/file"]), Err(Failure::Usage { .. })));
    }
}
