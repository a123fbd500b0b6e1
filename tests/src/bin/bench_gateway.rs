//! `make bench`: what the bridge and the gateway add, beside forwarders that only copy bytes, in one run, interleaved.
//!
//! `bench-gateway OMLX` takes the command line to measure. Nothing here passes or fails: time is never asserted. With
//! other words the same program is a floor (`floor-bridge URL`, `floor-proxy URL`), or one of the two ends, for
//! `scripts/instructions.sh`: `upstream`, and `calls N URL [KEY]`.

#[path = "bench_gateway/client.rs"]
mod client;
#[path = "bench_gateway/floor.rs"]
mod floor;
#[path = "bench_gateway/upstream.rs"]
mod upstream;

use std::{
    error::Error,
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use client::{Http, Stdio};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// How often a call is timed in each way.
const CALLS: usize = 1_000;

/// How often anything larger is.
const RUNS: usize = 9;

/// For how long calls are made side by side.
const STORM: Duration = Duration::from_secs(2);

/// How many at once.
const IN_FLIGHT: u32 = 32;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["floor-bridge", url] => floor::bridge(url).await,
        ["floor-proxy", url] => floor::proxy(url).await,
        ["upstream"] => serve_upstream().await,
        ["calls", many, url] => calls(many, (url, None)).await,
        ["calls", many, url, key] => calls(many, (url, Some(key))).await,
        [omlx] => measure(omlx).await,
        _ => Err("usage: bench-gateway OMLX".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bench-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve_upstream() -> Outcome {
    say(&upstream::start().await?)?;
    std::future::pending().await
}

async fn calls(many: &str, (url, key): (&str, Option<&str>)) -> Outcome {
    let mut way = Http::new(url, key).await?;
    for _ in 0..many.parse::<usize>()? {
        way.call("echo", 0).await?;
    }
    Ok(())
}

/// Every way to the same server.
struct Ways {
    direct: Http,
    proxy: Http,
    gateway: Http,
    floor: Stdio,
    bridge: Stdio,
}

async fn measure(omlx: &str) -> Outcome {
    let upstream = upstream::start().await?;
    let folder = std::env::temp_dir().join(format!("omlx-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let config =
        serde_json::json!({ "servers": { "bench": { "transport": "streamable-http", "url": upstream } } });
    fs::write(folder.join("mcp.json"), config.to_string())?;
    let outcome = all(omlx, &upstream, &folder).await;
    fs::remove_dir_all(&folder)?;
    outcome
}

async fn all(omlx: &str, upstream: &str, folder: &Path) -> Outcome {
    let me = std::env::current_exe()?.display().to_string();
    let key = client::run(omlx, &["mcp", "access", "add", "bench"], folder).await?;
    let proxy = client::serve(&me, &["floor-proxy", upstream], folder).await?;
    let gateway = client::serve(omlx, &["mcp", "serve", "--port", "0"], folder).await?;
    let mut ways = Ways {
        direct: Http::new(upstream, None).await?,
        proxy: Http::new(&proxy.url, None).await?,
        gateway: Http::new(&gateway.url, Some(key.trim())).await?,
        floor: Stdio::start(&me, &["floor-bridge", upstream], folder).await?,
        bridge: Stdio::start(omlx, &["mcp", "bridge", "bench"], folder).await?,
    };
    for line in ways.one_call().await? {
        say(&line)?;
    }
    for (what, size) in [("1 MiB result", 1 << 20), ("16 MiB result", 16 << 20)] {
        say(&ways.large(what, size).await?)?;
    }
    say(&ways.list().await?)?;
    say(&ways.storm().await?)?;
    say(&starts(omlx, (&me, upstream), folder).await?)?;
    say(&memory(omlx, (&me, upstream), folder).await?)
}

impl Ways {
    async fn one_call(&mut self) -> Outcome<Vec<String>> {
        let mut lines = Vec::new();
        for (tool, how) in [("echo", "as SSE"), ("plain", "as JSON")] {
            let mut times: [Vec<Duration>; 5] = Default::default();
            for _ in 0..CALLS {
                times[0].push(timed(self.direct.call(tool, 0)).await?);
                times[1].push(timed(self.proxy.call(tool, 0)).await?);
                times[2].push(timed(self.gateway.call(tool, 0)).await?);
                times[3].push(timed(self.floor.call(tool, 0)).await?);
                times[4].push(timed(self.bridge.call(tool, 0)).await?);
            }
            let [direct, proxy, gateway, floor, bridge] = times.map(median);
            let added = |way: Duration| way.saturating_sub(direct);
            lines.push(format!(
                "added per call {how:<8} gateway {} (floor {}, {:.2} × it; target 1.5)   bridge {} (floor {}, {:.2} × it; target 2)   direct {}",
                micros(added(gateway)),
                micros(added(proxy)),
                ratio(added(gateway), added(proxy)),
                micros(added(bridge)),
                micros(added(floor)),
                ratio(added(bridge), added(floor)),
                micros(direct),
            ));
        }
        Ok(lines)
    }

    async fn large(&mut self, what: &str, size: usize) -> Outcome<String> {
        let mut times: [Vec<Duration>; 3] = Default::default();
        for _ in 0..RUNS {
            times[0].push(timed(self.direct.call("large", size)).await?);
            times[1].push(timed(self.gateway.call("large", size)).await?);
            times[2].push(timed(self.bridge.call("large", size)).await?);
        }
        let grown = pss(self.bridge.process)?;
        Ok(format!(
            "{}; bridge now {grown:.1} MiB",
            compared(what, times.map(median))
        ))
    }

    async fn list(&mut self) -> Outcome<String> {
        let mut times: [Vec<Duration>; 3] = Default::default();
        for _ in 0..RUNS {
            times[0].push(timed(self.direct.list()).await?);
            times[1].push(timed(self.gateway.list()).await?);
            times[2].push(timed(self.bridge.list()).await?);
        }
        Ok(compared("1,000 tools", times.map(median)))
    }

    async fn storm(&mut self) -> Outcome<String> {
        let mut rates = Vec::new();
        for way in [&self.direct, &self.proxy, &self.gateway] {
            rates.push(way.storm(IN_FLIGHT, STORM).await?);
        }
        rates.push(self.floor.storm(IN_FLIGHT, STORM).await?);
        rates.push(self.bridge.storm(IN_FLIGHT, STORM).await?);
        let [direct, proxy, gateway, floor, bridge] = rates.as_slice() else {
            return Err("a way is missing".into());
        };
        Ok(format!(
            "calls/s, {IN_FLIGHT} in flight    direct {direct:.0}   gateway {gateway:.0} ({:.2} × floor {proxy:.0})   bridge {bridge:.0} ({:.2} × floor {floor:.0}; target 0.8)",
            gateway / proxy,
            bridge / floor
        ))
    }
}

async fn starts(omlx: &str, (me, upstream): (&str, &str), folder: &Path) -> Outcome<String> {
    let (mut floor, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        floor.push(timed(first_list(me, &["floor-bridge", upstream], folder)).await?);
        ours.push(timed(first_list(omlx, &["mcp", "bridge", "bench"], folder)).await?);
    }
    let (floor, ours) = (median(floor), median(ours));
    Ok(format!(
        "start to first tools/list  bridge {} (floor {}, {} over it; target 15 ms over direct)",
        micros(ours),
        micros(floor),
        micros(ours.saturating_sub(floor))
    ))
}

async fn first_list(program: &str, words: &[&str], folder: &Path) -> Outcome {
    Stdio::start(program, words, folder).await?.list().await
}

async fn memory(omlx: &str, (me, upstream): (&str, &str), folder: &Path) -> Outcome<String> {
    let mut told = Vec::new();
    for (name, program, words) in [
        ("floor", me, ["floor-bridge", upstream, ""]),
        ("bridge", omlx, ["mcp", "bridge", "bench"]),
    ] {
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let mut way = Stdio::start(program, &words, folder).await?;
        let idle = pss(way.process)?;
        for _ in 0..10_000 {
            way.call("echo", 0).await?;
        }
        told.push(format!("{name} {idle:.1} → {:.1} MiB", pss(way.process)?));
    }
    Ok(format!(
        "PSS idle → 10,000 calls    {} (target 6)",
        told.join("   ")
    ))
}

fn compared(what: &str, [direct, gateway, bridge]: [Duration; 3]) -> String {
    format!(
        "{what:<26} direct {}   gateway {} ({:.2} ×)   bridge {} ({:.2} ×; target 1.2)",
        micros(direct),
        micros(gateway),
        ratio(gateway, direct),
        micros(bridge),
        ratio(bridge, direct)
    )
}

async fn timed<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<Duration> {
    let begun = Instant::now();
    work.await?;
    Ok(begun.elapsed())
}

/// Proportional set size, in MiB; 0 where the system does not tell.
fn pss(process: u32) -> Outcome<f64> {
    let Ok(text) = fs::read_to_string(format!("/proc/{process}/smaps_rollup")) else {
        return Ok(0.0);
    };
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib: f64 = line
        .and_then(|line| line.split_whitespace().next())
        .unwrap_or("0")
        .parse()?;
    Ok(kib / 1024.0)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

fn micros(time: Duration) -> String {
    if time >= Duration::from_millis(10) {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.0} µs", time.as_secs_f64() * 1e6)
    }
}

fn say(line: &str) -> Outcome {
    Ok(writeln!(io::stdout(), "{line}")?)
}
