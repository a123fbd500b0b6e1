//! What the documents promise is what the program does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use omlx_mcp::config::{ConfigFile, Environment};
use omlx_tests::TestResult;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The codes of one file: the words an `Explain::code` can return.
fn codes(source: &str) -> Vec<String> {
    let bodies = source.split("fn code(&self) -> &'static str {").skip(1);
    let ends = bodies.map(|body| body.split("\n    }").next().unwrap_or_default());
    ends.flat_map(|body| body.split('"').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_code_the_program_prints_is_explained() -> TestResult {
    let page = fs::read_to_string(root().join("docs/troubleshooting.md"))?;
    let mut files = Vec::new();
    for part in ["core/src", "cli/src", "gateway/src", "src"] {
        let folder = root().join("src-tauri").join(part);
        if folder.exists() {
            sources(&folder, &mut files)?;
        }
    }
    let mut seen = 0;
    for file in files {
        let source = fs::read_to_string(&file)?;
        let shown = source.split("#[cfg(test)]").next().unwrap_or_default();
        for code in codes(shown) {
            seen += 1;
            assert!(
                page.contains(&format!("`{code}`")),
                "{code} of {} is not in docs/troubleshooting.md",
                file.display()
            );
        }
    }
    assert!(seen > 80, "{seen} codes were found");
    Ok(())
}

/// The codes of the gateway's own HTTP answers in one file: the first word in quotes of what makes such an answer.
fn refusals(source: &str) -> Vec<String> {
    let made = ["reply::refusal(", "(forbidden(", "(unauthorized("];
    let made = made.iter().flat_map(|made| source.split(made).skip(1));
    let words = made.filter_map(|rest| rest.split(';').next()?.split('"').nth(1));
    let is_code = |word: &&str| !word.is_empty() && word.chars().all(|c| c == '_' || c.is_ascii_lowercase());
    words.filter(is_code).map(str::to_owned).collect()
}

#[test]
fn every_code_of_an_http_answer_is_explained_where_the_gateway_is() -> TestResult {
    let page = fs::read_to_string(root().join("docs/troubleshooting.md"))?;
    let section = page
        .split("## HTTP answers of the gateway")
        .nth(1)
        .unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut files = Vec::new();
    sources(&root().join("src-tauri/gateway/src/http"), &mut files)?;
    let mut seen = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file)?;
        seen.extend(refusals(source.split("#[cfg(test)]").next().unwrap_or_default()));
    }
    for code in &seen {
        assert!(
            section.contains(&format!("| `{code}` |")),
            "{code} is not explained"
        );
    }
    assert!(seen.len() >= 10, "{seen:?}");
    Ok(())
}

#[test]
fn the_example_config_is_good_as_it_is() -> TestResult {
    let config = ConfigFile::at(root().join("mcp.example.json"), &Environment::of([])).read()?;
    assert!(config.servers.keys().any(|id| id.as_str() == "notion"));
    assert!(config.notes.iter().all(|note| !note.fatal), "{:?}", config.notes);
    Ok(())
}

fn pages(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let paths = entries.into_iter().map(|entry| entry.path());
    Ok(paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect())
}

#[test]
fn what_a_document_links_to_exists() -> TestResult {
    let mut all = pages(&root())?;
    all.extend(pages(&root().join("docs"))?);
    all.extend(pages(&root().join("docs/decisions"))?);
    assert!(all.len() > 15, "{all:?}");
    for path in all {
        let text = fs::read_to_string(&path)?;
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let local = !link.contains("://") && !link.starts_with('#');
            let file = link.split('#').next().unwrap_or_default();
            let target = path.parent().map(|folder| folder.join(file)).unwrap_or_default();
            assert!(!local || target.exists(), "{} links to {link}", path.display());
        }
    }
    Ok(())
}

/// The blocks of one language in a page.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    blocks
        .filter_map(|rest| rest.split("```").next().map(str::to_owned))
        .collect()
}

/// Those that docs/providers.md must speak of.
const PROVIDERS: [&str; 21] = [
    "Entra",
    "GitHub",
    "Google",
    "Atlassian",
    "Notion",
    "Linear",
    "Figma",
    "Slack",
    "Asana",
    "Sentry",
    "Stripe",
    "Square",
    "Intercom",
    "Zapier",
    "Cloudflare",
    "GitLab",
    "Cognito",
    "Supabase",
    "Salesforce",
    "HubSpot",
    "Clerk",
];

#[test]
fn every_config_that_is_given_for_a_provider_is_good_as_it_is() -> TestResult {
    let page = fs::read_to_string(root().join("docs/providers.md"))?;
    let environment = Environment::of([
        ("GITHUB_OAUTH_SECRET", "planted"),
        ("GOOGLE_OAUTH_SECRET", "planted"),
        ("SLACK_OAUTH_SECRET", "planted"),
        ("ASANA_OAUTH_SECRET", "planted"),
        ("HUBSPOT_OAUTH_SECRET", "planted"),
        ("SNOWFLAKE_OAUTH_SECRET", "planted"),
        ("FIGMA_OAUTH_SECRET", "planted"),
        ("ZAPIER_MCP_URL", "https://mcp.zapier.com/api/mcp/s/planted/mcp"),
    ]);
    let folder = tempfile::tempdir()?;
    let blocks = blocks(&page, "json");
    for block in &blocks {
        let file = folder.path().join("mcp.json");
        fs::write(&file, block)?;
        let config = ConfigFile::at(file, &environment).read()?;
        assert!(
            config.notes.is_empty() && !config.servers.is_empty(),
            "{block}{:?}",
            config.notes
        );
        let asked: serde_json::Value = serde_json::from_str(block)?;
        for (name, auth) in asked["auth"].as_object().into_iter().flatten() {
            let server = config.servers.iter().find(|(id, _)| id.as_str() == name);
            let (_, server) = server.ok_or("an auth block of no server")?;
            assert_eq!(
                server.auth.client_id.as_deref(),
                auth["client_id"].as_str(),
                "{name}"
            );
        }
    }
    for provider in PROVIDERS {
        let heading = |line: &str| line.starts_with('#') && line.contains(provider);
        assert!(page.lines().any(heading), "{provider} has no section");
    }
    assert!(blocks.len() > 18, "{} blocks", blocks.len());
    Ok(())
}
