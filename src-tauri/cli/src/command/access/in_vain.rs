//! Rules that match nothing that is known now: as a rule a slip, and sometimes meant for later.

use omlx_mcp::{ServerId, access::Rules, recorded::recorded_tools};

use super::To;
use crate::{context::unknown, failure::Failure, notice, output::text};

/// Says which of the patterns match nothing, and what was probably meant.
pub(super) fn tell(rules: &Rules, (context, output): To<'_>) -> Result<(), Failure> {
    let config = context.config();
    let servers = &config.state.config.servers;
    let vault = context.vault()?;
    // Of a server that was never connected, no tool is known, and any may be meant.
    let mut known = Vec::new();
    let mut all_known = true;
    for (id, server) in servers {
        match recorded_tools(&vault, server) {
            Some(tools) => known.extend(tools.into_iter().map(|tool| (id, tool))),
            None => all_known = false,
        }
    }
    for pattern in rules.servers.patterns() {
        if !servers.keys().any(|id| pattern.matches(id.as_str())) {
            let similar = unknown(&pattern.to_string(), servers.keys()).similar;
            let likely = similar.map(|id| format!("--server {id}"));
            warn(
                &format!("no server matches '{pattern}' now"),
                likely.as_deref(),
                (context, output),
            )?;
        }
    }
    for pattern in rules.tools.patterns() {
        let is = |(server, tool): &(&ServerId, String)| pattern.matches(&format!("{server}__{tool}"));
        let text = pattern.to_string();
        let may_be = !all_known && (text.contains("__") || text.contains('*'));
        if may_be || known.iter().any(is) {
            continue;
        }
        let named = known.iter().find(|(_, tool)| pattern.matches(tool));
        let likely = match named {
            Some((server, _)) => format!("--tool '{server}__{pattern}'"),
            None => "tools are named SERVER__TOOL".to_owned(),
        };
        warn(
            &format!("no tool matches '{pattern}' now"),
            Some(&likely),
            (context, output),
        )?;
    }
    Ok(())
}

fn warn(message: &str, likely: Option<&str>, (context, output): To<'_>) -> Result<(), Failure> {
    let mend = &context.mend();
    notice::warn(("rule_in_vain", text::line(message)), (mend, output))?;
    Ok(notice::tell_hint(likely, output)?)
}
