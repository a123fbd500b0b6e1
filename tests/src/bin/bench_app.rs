//! `make bench`: what the menu bar app costs, on a desktop of its own. `OMLX_CONNECT_APP` names the app to measure.
//!
//! Figures beside their targets; nothing here passes or fails, since time and memory are this machine's.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match figures::measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("bench-app: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}

#[cfg(target_os = "linux")]
mod figures {
    use std::{
        error::Error,
        fs,
        io::{self, Write},
        time::{Duration, SystemTime, UNIX_EPOCH},
    };

    use omlx_demo::{Demo, DemoOptions};
    use omlx_tests::desktop::{Desktop, Panel, below, eventually, scene};
    use serde_json::json;

    /// How often each thing is timed; the median is shown.
    const RUNS: usize = 7;

    /// How long an idle app is watched.
    const WATCH: Duration = Duration::from_secs(30);

    /// Clock ticks per second, as the kernel counts a process's time for user space (`USER_HZ`).
    const TICKS: u64 = 100;

    /// When the panel showed something, in milliseconds since 1970; nothing while it has not.
    const PAINTED: &str = "const paint = performance.getEntriesByName('first-contentful-paint')[0]; \
        return paint ? performance.timeOrigin + paint.startTime : null";

    type Outcome<T = ()> = Result<T, Box<dyn Error>>;

    pub(super) async fn measure() -> Outcome {
        scene("bench", async |desktop| {
            let demo = Demo::start(DemoOptions::headless()).await?;
            let entry = json!({ "transport": "streamable-http", "url": demo.mcp_url() });
            desktop.desk.configure(&json!({ "demo": entry }))?;
            start(desktop).await?;
            desktop.menu_line(&["demo", "Not authenticated"]).await?;
            idle(desktop).await?;
            say(
                "memory, tray only",
                &mebibytes(desktop)?,
                "≤ 60 MiB (PSS of the tree)",
            )?;
            panel(desktop).await
        })
        .await
    }

    async fn start(desktop: &mut Desktop) -> Outcome {
        let mut times = Vec::new();
        for run in 0..RUNS {
            if run > 0 {
                desktop.crash()?;
            }
            times.push(desktop.start_timed().await?);
        }
        say("start to tray", &millis(median(times)), "")
    }

    async fn panel(desktop: &Desktop) -> Outcome {
        let mut times = Vec::new();
        for run in 0..RUNS {
            if run > 0 {
                desktop.close_panel().await?;
            }
            let asked = SystemTime::now().duration_since(UNIX_EPOCH)?;
            let panel = desktop.open_panel().await?;
            times.push(painted(&panel).await?.saturating_sub(asked));
        }
        say(
            "memory, panel open",
            &mebibytes(desktop)?,
            "≤ 260 MiB (PSS of the tree)",
        )?;
        say("panel asked for to first paint", &millis(median(times)), "")?;
        desktop.close_panel().await?;
        say("memory, panel closed again", &mebibytes(desktop)?, "")
    }

    async fn painted(panel: &Panel) -> Outcome<Duration> {
        let at = eventually("the first paint", async || {
            panel.page.run(PAINTED, json!([])).await.ok()?.as_f64()
        });
        Ok(Duration::from_secs_f64(at.await? / 1000.0))
    }

    async fn idle(desktop: &Desktop) -> Outcome {
        let before = ticks(desktop)?;
        // The one thing to measure here is time that passes.
        tokio::time::sleep(WATCH).await;
        let used = Duration::from_millis((ticks(desktop)? - before) * 1000 / TICKS);
        say("processor time, idle for 30 s", &millis(used), "0")
    }

    /// Every process of the app.
    fn tree(desktop: &Desktop) -> Outcome<Vec<u32>> {
        let app = desktop.app_id().ok_or("no app runs")?;
        let others = below(app);
        let others = others
            .iter()
            .filter_map(|process| u32::try_from(process.pid).ok());
        Ok([app].into_iter().chain(others).collect())
    }

    fn mebibytes(desktop: &Desktop) -> Outcome<String> {
        let kibibytes: u64 = tree(desktop)?.into_iter().filter_map(proportional).sum();
        Ok(format!("{} MiB", kibibytes / 1024))
    }

    /// `Pss` in KiB: what a process shares is counted in parts.
    fn proportional(pid: u32) -> Option<u64> {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = rollup.lines().find(|line| line.starts_with("Pss:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    fn ticks(desktop: &Desktop) -> Outcome<u64> {
        Ok(tree(desktop)?.into_iter().filter_map(busy).sum())
    }

    /// User and system time, the 14th and 15th field.
    fn busy(pid: u32) -> Option<u64> {
        let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<_> = rest.split_whitespace().collect();
        let field = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(field(11)? + field(12)?)
    }

    fn median(mut times: Vec<Duration>) -> Duration {
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    fn millis(time: Duration) -> String {
        format!("{} ms", time.as_millis())
    }

    fn say(what: &str, figure: &str, target: &str) -> Outcome {
        let target = if target.is_empty() {
            String::new()
        } else {
            format!("target {target}")
        };
        Ok(writeln!(io::stdout(), "{what:<36} {figure:>10}   {target}")?)
    }
}
