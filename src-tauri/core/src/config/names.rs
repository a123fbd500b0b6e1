//! A name for a server nobody has named yet: what its host or its program is called, without what every MCP server's
//! host and program is called.

use std::path::Path;

use url::{Host, Url};

use super::model::Config;
use crate::{ServerId, server_id::ServerIdError};

/// Labels that say nothing about whose host it is.
const NOISE: &[&str] = &[
    "mcp", "api", "www", "app", "server", "remote", "gateway", "sse", "prod",
];

/// Labels of those who host other people's servers, below their top-level domain.
const HOSTING: &[&str] = &[
    "workers",
    "vercel",
    "netlify",
    "fly",
    "herokuapp",
    "onrender",
    "railway",
    "ngrok",
    "ngrok-free",
    "run",
    "azurewebsites",
    "pages",
    "replit",
    "deno",
    "trycloudflare",
];

/// Second labels that belong to the top-level domain, as in `example.co.uk`.
const SECOND_LEVEL: &[&str] = &["co", "com", "org", "net", "ac", "gov", "edu"];

/// Programs that run another one, which is what the server is called after.
const RUNNERS: &[&str] = &[
    "npx", "bunx", "uvx", "pnpx", "npm", "pnpm", "yarn", "bun", "uv", "pipx", "deno", "node", "python",
    "python3", "docker", "podman", "env", "sh", "bash",
];

/// What stands between a runner and what it runs.
const STEPS: &[&str] = &["dlx", "exec", "x", "run", "tool", "start"];

/// Options of runners that take the next word.
const WITH_VALUE: &[&str] = &[
    "-e",
    "--env",
    "-v",
    "--volume",
    "--name",
    "-p",
    "--network",
    "--mount",
    "--env-file",
    "--from",
];

/// What programs are called that are named after nothing.
const GENERIC: &[&str] = &[
    "index", "main", "cli", "server", "mcp", "build", "dist", "src", "bin", "out", "app", "stdio",
];

/// What is put around a name to say that it is an MCP server.
const PREFIXES: &[&str] = &["mcp-server-", "server-", "mcp-"];
const SUFFIXES: &[&str] = &["-mcp-server", "-server", "-mcp"];

/// The name of last resort.
const NAMELESS: &str = "server";

/// The longest name made up, in characters; in UTF-8 it fits a [`ServerId`].
const MAX_CHARS: usize = 32;

/// A name after the host of a URL: `https://mcp.notion.com/mcp` is `notion`.
pub(super) fn of_url(url: &Url) -> Result<ServerId, ServerIdError> {
    let name = match url.host() {
        Some(Host::Domain(domain)) => of_domain(domain),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => "local".to_owned(),
    };
    nearest(&name)
}

fn of_domain(domain: &str) -> String {
    let domain = domain.trim_end_matches('.');
    if domain == "localhost" || domain.ends_with(".localhost") {
        return "local".to_owned();
    }
    let mut labels: Vec<_> = domain.split('.').collect();
    if labels.len() > 1 {
        let top = labels.pop().unwrap_or_default();
        let is_second_level =
            top.len() == 2 && labels.last().is_some_and(|label| SECOND_LEVEL.contains(label));
        let is_hosted = labels.last().is_some_and(|label| HOSTING.contains(label));
        if labels.len() > 1 && (is_second_level || is_hosted) {
            labels.pop();
        }
    }
    let telling = labels.iter().rev().find(|label| !NOISE.contains(label));
    bare(telling.or(labels.last()).copied().unwrap_or_default())
}

/// A name after what a command runs: `npx -y @notionhq/notion-mcp-server` is `notion`.
pub(super) fn of_command(words: &[String]) -> Result<ServerId, ServerIdError> {
    let Some((program, rest)) = words.split_first() else {
        return nearest(NAMELESS);
    };
    if let Some(url) = bridged_url(rest) {
        return of_url(&url);
    }
    let program = of_path(program);
    if !RUNNERS.contains(&program.as_str()) {
        return nearest(&program);
    }
    let run = first_run(rest).map(|word| {
        if word.starts_with('@') {
            of_package(word)
        } else {
            of_path(word)
        }
    });
    nearest(&run.unwrap_or(program))
}

/// The URL that a command does nothing but reach: that of `npx mcp-remote URL`.
pub(super) fn bridged_url(words: &[String]) -> Option<Url> {
    let is_bridge = |word: &String| word == "mcp-remote" || word.starts_with("mcp-remote@");
    let at = words.iter().position(is_bridge)?;
    let is_web = |url: &Url| matches!(url.scheme(), "https" | "http");
    words[at..]
        .iter()
        .find_map(|word| Url::parse(word).ok().filter(is_web))
}

/// The first word that is neither an option, nor its value, nor a step on the way.
fn first_run(words: &[String]) -> Option<&str> {
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word) {
            words.next();
        } else if !word.starts_with('-') && !STEPS.contains(&word) {
            return Some(word);
        }
    }
    None
}

/// `@scope/name@version`: the name, or the scope when the name says nothing.
fn of_package(package: &str) -> String {
    let (scope, name) = package[1..].split_once('/').unwrap_or(("", &package[1..]));
    let name = bare(name.split('@').next().unwrap_or_default());
    if is_telling(&name) { name } else { bare(scope) }
}

/// The last part of a path that says something, without extension, version and tag.
fn of_path(path: &str) -> String {
    let parts = Path::new(path).components().rev();
    let parts = parts.filter_map(|part| part.as_os_str().to_str());
    let names = parts.map(|part| bare(part.split(['@', ':']).next().unwrap_or_default()));
    let mut names = names.map(|name| without_extension(&name).to_owned());
    names.find(|name| is_telling(name)).unwrap_or_default()
}

fn without_extension(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extension.len() <= 4 => stem,
        _ => name,
    }
}

fn is_telling(name: &str) -> bool {
    !name.is_empty() && !GENERIC.contains(&name)
}

/// A name without the words that say it is an MCP server.
fn bare(name: &str) -> String {
    let name = name.to_lowercase().replace('_', "-");
    let stripped = PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(&name);
    let stripped = SUFFIXES
        .iter()
        .find_map(|suffix| stripped.strip_suffix(suffix))
        .unwrap_or(stripped);
    if stripped.is_empty() {
        name
    } else {
        stripped.to_owned()
    }
}

/// The nearest name that can be stored, shown, and put before the `__` of a tool's name.
pub(super) fn nearest(name: &str) -> Result<ServerId, ServerIdError> {
    let kept = |c: char| if c.is_alphanumeric() || c == '.' { c } else { '-' };
    let spaced: String = name.trim().chars().take(MAX_CHARS).map(kept).collect();
    let words: Vec<_> = spaced.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return NAMELESS.parse();
    }
    words.join("-").parse()
}

impl Config {
    /// The name itself, or with the first number that makes it another one than those in the file.
    pub fn free_name(&self, name: &ServerId) -> ServerId {
        let numbered = (2..=u32::MAX).filter_map(|number| format!("{name}-{number}").parse().ok());
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names
            .find(|name| !self.servers.contains_key(name))
            .unwrap_or_else(|| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(url: &str) -> String {
        of_url(&Url::parse(url).expect("a URL"))
            .expect("a name")
            .to_string()
    }

    fn of_words(line: &str) -> String {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        of_command(&words).expect("a name").to_string()
    }

    #[test]
    fn a_url_is_named_after_whose_host_it_is() {
        let urls = [
            ("https://mcp.notion.com/mcp", "notion"),
            ("https://mcp.linear.app/sse", "linear"),
            ("https://api.githubcopilot.com/mcp/", "githubcopilot"),
            ("https://docs.mcp.cloudflare.com/sse", "cloudflare"),
            ("https://mcp.example.co.uk/", "example"),
            ("https://weather-mcp.someone.workers.dev/", "someone"),
            ("https://my-mcp-server.fly.dev/mcp", "my"),
            ("https://mcp.run/", "mcp"),
            ("http://nas:8080/mcp", "nas"),
            ("http://localhost:3000/mcp", "local"),
            ("http://[::1]/", "local"),
            ("http://192.168.1.2/", "local"),
        ];
        for (url, name) in urls {
            assert_eq!(of(url), name, "{url}");
        }
    }

    #[test]
    fn a_command_is_named_after_what_it_runs() {
        let lines = [
            (
                "npx -y @modelcontextprotocol/server-filesystem /tmp",
                "filesystem",
            ),
            ("npx -y @notionhq/notion-mcp-server@1.2.3", "notion"),
            ("npx @playwright/mcp@latest", "playwright"),
            ("uvx mcp-server-fetch", "fetch"),
            ("uvx --from git+https://x mcp_server_time", "time"),
            ("python -m mcp_server_sqlite", "sqlite"),
            ("node /home/u/weather/build/index.js", "weather"),
            (
                "docker run -i --rm -e GITHUB_TOKEN ghcr.io/github/github-mcp-server:latest",
                "github",
            ),
            ("/usr/local/bin/my_tool --stdio", "my-tool"),
            ("tool.exe", "tool"),
            (
                "npx -y mcp-remote@latest https://mcp.notion.com/mcp --debug",
                "notion",
            ),
            ("npx", "npx"),
        ];
        for (line, name) in lines {
            assert_eq!(of_words(line), name, "{line}");
        }
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let text = r#"{"servers": {"a": {"command": "x"}, "a-2": {"command": "x"}}}"#;
        let config = Config::parse(
            text,
            super::super::Format::Json,
            &super::super::Environment::of([]),
        );
        let free = |name: &str| config.free_name(&name.parse().expect("a name")).to_string();
        assert_eq!((free("a").as_str(), free("b").as_str()), ("a-3", "b"));
    }

    proptest! {
        #[test]
        fn every_text_has_a_nearest_name_that_no_tool_name_is_split_in(text in ".*") {
            let name = nearest(&text).expect("a name");
            prop_assert!(!name.as_str().contains("__"));
        }

        #[test]
        fn every_command_has_a_name(words in prop::collection::vec("[-@a-z/.:_]{0,6}|npx|docker|-e", 0..5)) {
            prop_assert!(of_command(&words).is_ok());
        }
    }
}
