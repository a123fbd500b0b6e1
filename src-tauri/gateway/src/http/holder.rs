//! Who listens on a port already, as far as the operating system lets one ask.

use std::{io, net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};

use super::guard;

/// How long the question may take: the answer is a courtesy.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a gateway of ours may take to say so.
const GREETING: Duration = Duration::from_secs(1);

/// How much of an answer is read, in bytes.
const MAX_ANSWER: u64 = 4 * 1024;

/// Whether it is a gateway of ours, by what that answers to whoever has no key. Its program may be called anything.
pub(super) async fn is_ours(port: u16) -> bool {
    let asked = tokio::time::timeout(GREETING, asked(port)).await;
    let answer = asked.ok().and_then(Result::ok).unwrap_or_default();
    let answer = String::from_utf8_lossy(&answer);
    answer.starts_with("HTTP/1.1 401") && answer.contains(guard::REALM)
}

async fn asked(port: u16) -> io::Result<Vec<u8>> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let request = format!("GET /status HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// The program and its process, such as `python3 (process 4711)`.
pub(super) async fn of(port: u16) -> Option<String> {
    #[cfg(target_os = "linux")]
    if let Some(found) = tokio::task::spawn_blocking(move || linux::of(port))
        .await
        .ok()
        .flatten()
    {
        return Some(found);
    }
    lsof(port).await
}

async fn lsof(port: u16) -> Option<String> {
    let asked = Command::new("lsof")
        .args(["-nP", &format!("-iTCP:{port}"), "-sTCP:LISTEN", "-Fpc"])
        .kill_on_drop(true)
        .output();
    let told = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
    let text = String::from_utf8(told.stdout).ok()?;
    let field = |letter: char| text.lines().find_map(|line| line.strip_prefix(letter));
    Some(format!("{} (process {})", field('c')?, field('p')?))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    /// `/proc/net/tcp*` names the socket, and `/proc/*/fd` who has it.
    pub(super) fn of(port: u16) -> Option<String> {
        let socket = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .find_map(|table| inode(&fs::read_to_string(table).ok()?, port))?;
        let link = format!("socket:[{socket}]");
        fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
            let number: u32 = process.file_name().to_str()?.parse().ok()?;
            let mut open = fs::read_dir(process.path().join("fd")).ok()?.flatten();
            open.find(|file| fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == link.as_str()))?;
            let name = fs::read_to_string(process.path().join("comm")).ok()?;
            Some(format!("{} (process {number})", name.trim()))
        })
    }

    /// The socket that listens (state 0A) on the port.
    fn inode(table: &str, port: u16) -> Option<String> {
        let wanted = format!(":{port:04X}");
        table.lines().skip(1).find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let listens = fields.get(1)?.ends_with(&wanted) && *fields.get(3)? == "0A";
            listens
                .then(|| fields.get(9).map(|inode| (*inode).to_owned()))
                .flatten()
        })
    }
}
