//! The log on standard error: off unless `-v` or `OMLX_LOG` asks for it.

use std::{env, io};

use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::output::face::Face;

/// Our own crates; what others log is only seen with `OMLX_LOG`.
const OURS: [&str; 5] = [
    "omlx_mcp",
    "omlx_gateway",
    "omlx_cli",
    "omlx_demo",
    "omlx_connect",
];

/// What is logged unasked. rmcp's worker calls every ending of a connection an error, an ordinary 401 among them; what
/// became of the connection is told by ours.
const UNASKED: &str = "warn,rmcp::transport::worker=off";

/// Starts logging, if it was asked for.
pub(crate) fn start(verbose: u8, face: &Face) {
    let Some(filter) = filter(verbose, env::var("OMLX_LOG").ok()) else {
        return;
    };
    let lines = fmt::layer()
        .compact()
        .with_writer(io::stderr)
        .with_ansi(face.color)
        .with_target(verbose > 1);
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(targets(&filter)));
    // A second subscriber in one process: the first one goes on.
    let _ = subscriber.try_init();
}

/// Starts logging for a process nobody looks at: what went wrong, or what `OMLX_LOG` asks for.
pub fn log_warnings() {
    let chosen = filter(0, env::var("OMLX_LOG").ok()).unwrap_or_else(|| UNASKED.to_owned());
    // The plugin repeats an argument that is no link of ours as it is, and that may be a redirect with its code.
    let directives = format!("{chosen},tauri_plugin_deep_link=off");
    let lines = fmt::layer().compact().with_writer(io::stderr).with_ansi(false);
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(targets(&directives)));
    let _ = subscriber.try_init();
}

/// Levels by module, such as `info,rmcp=off`; what is no such thing is left out.
fn targets(directives: &str) -> Targets {
    let known: Vec<&str> = directives
        .split(',')
        .map(str::trim)
        .filter(|directive| directive.parse::<Targets>().is_ok())
        .collect();
    known.join(",").parse().unwrap_or_default()
}

fn filter(verbose: u8, variable: Option<String>) -> Option<String> {
    if let Some(directives) = variable.filter(|directives| !directives.is_empty()) {
        return Some(directives);
    }
    let level = match verbose {
        0 => return None,
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    Some(OURS.map(|krate| format!("{krate}={level}")).join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_by_module_and_nonsense_is_left_out() {
        let read = targets("warn, omlx_mcp=debug,x=[,rmcp::transport::worker=off");
        let logs = |module: &str, level| read.would_enable(module, &level);
        assert!(logs("hyper", tracing::Level::WARN) && !logs("hyper", tracing::Level::INFO));
        assert!(logs("omlx_mcp::oauth", tracing::Level::DEBUG));
        assert!(!logs("rmcp::transport::worker", tracing::Level::ERROR));
    }

    #[test]
    fn nothing_is_logged_unasked_and_the_variable_wins() {
        assert_eq!(filter(0, None), None);
        assert_eq!(filter(0, Some(String::new())), None);
        assert_eq!(
            filter(2, None).as_deref(),
            Some("omlx_mcp=debug,omlx_gateway=debug,omlx_cli=debug,omlx_demo=debug,omlx_connect=debug")
        );
        assert_eq!(
            filter(2, Some("rmcp=info".to_owned())).as_deref(),
            Some("rmcp=info")
        );
    }
}
