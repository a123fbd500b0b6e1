//! Named points at which a test stops the process or makes the disk fail; compiled to nothing without the feature
//! `fault-points`.
//!
//! Every write, flush, rename, removal and request that a crash could fall between has a point in front of it. The
//! variable `OMLX_FAULT` holds `<what>.<step>` to abort there, or `<what>.<step>:<kind>` to fail with that kind of I/O
//! error: `error`, `full` or `read-only`.

/// Passes the point `<what>.<step>`, or does there what `OMLX_FAULT` says.
#[cfg(feature = "fault-points")]
pub fn reach(what: &str, step: &str) -> std::io::Result<()> {
    let point = format!("{what}.{step}");
    debug_assert!(POINTS.contains(&point.as_str()), "{point} is not in POINTS");
    match std::env::var("OMLX_FAULT") {
        Ok(wish) => fail(&wish, &point),
        Err(_) => Ok(()),
    }
}

/// Passes the point: without the feature there is none.
#[cfg(not(feature = "fault-points"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same signature with and without the feature"
)]
pub(crate) const fn reach(_what: &str, _step: &str) -> std::io::Result<()> {
    Ok(())
}

#[cfg(feature = "fault-points")]
fn fail(wish: &str, point: &str) -> std::io::Result<()> {
    let (wanted, effect) = wish.split_once(':').unwrap_or((wish, "abort"));
    if wanted != point {
        return Ok(());
    }
    match effect {
        "error" => Err(std::io::Error::other("fault point")),
        "full" => Err(std::io::ErrorKind::StorageFull.into()),
        "read-only" => Err(std::io::ErrorKind::ReadOnlyFilesystem.into()),
        _ => std::process::abort(),
    }
}

/// Every point there is, for a test to go through.
#[cfg(feature = "fault-points")]
pub const POINTS: &[&str] = &[
    "client.create",
    "client.keep_aside",
    "client.remove",
    "client.rename",
    "client.sync",
    "client.sync_folder",
    "client.write",
    "grant.create",
    "grant.keep_aside",
    "grant.remove",
    "grant.rename",
    "grant.sync",
    "grant.sync_folder",
    "grant.write",
    "key.create",
    "key.keep_aside",
    "key.keychain",
    "key.rename",
    "key.sync",
    "key.sync_folder",
    "key.write",
    "marker.create",
    "marker.rename",
    "marker.sync",
    "marker.sync_folder",
    "marker.write",
    "record.create",
    "record.remove",
    "record.rename",
    "record.sync_folder",
    "record.write",
    "refresh.publish",
    "refresh.register",
    "refresh.request",
    "refresh.save",
];
