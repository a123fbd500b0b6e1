//! The standard streams of a process that speaks MCP on them: read and written without a thread in between where they
//! are pipes or sockets, which is how every client starts one.

use std::{io, pin::Pin};

use tokio::io::{AsyncRead, AsyncWrite};

/// Standard input.
pub(crate) fn input() -> Pin<Box<dyn AsyncRead + Send>> {
    #[cfg(unix)]
    if let Ok(Some(direct)) = direct::input() {
        return direct;
    }
    Box::pin(tokio::io::stdin())
}

/// Standard output.
pub(crate) fn output() -> Pin<Box<dyn AsyncWrite + Send + Sync>> {
    #[cfg(unix)]
    if let Ok(Some(direct)) = direct::output() {
        return direct;
    }
    Box::pin(tokio::io::stdout())
}

#[cfg(unix)]
mod direct {
    use std::{
        fs::{File, FileType},
        os::{
            fd::{AsFd, OwnedFd},
            unix::{fs::FileTypeExt, net::UnixStream as StdUnixStream},
        },
    };

    use tokio::net::{
        UnixStream,
        unix::pipe::{Receiver, Sender},
    };

    use super::{AsyncRead, AsyncWrite, Pin, io};

    /// How much may wait in a pipe for its reader, in bytes: as much as Linux gives anybody.
    #[cfg(target_os = "linux")]
    const WIDTH: i32 = 1024 * 1024;

    pub(super) fn input() -> io::Result<Option<Pin<Box<dyn AsyncRead + Send>>>> {
        let (kind, file) = opened(io::stdin().as_fd().try_clone_to_owned()?)?;
        Ok(if kind.is_fifo() {
            Some(Box::pin(Receiver::from_file(file)?))
        } else if kind.is_socket() {
            Some(Box::pin(socket(file)?))
        } else {
            None
        })
    }

    pub(super) fn output() -> io::Result<Option<Pin<Box<dyn AsyncWrite + Send + Sync>>>> {
        let (kind, file) = opened(io::stdout().as_fd().try_clone_to_owned()?)?;
        Ok(if kind.is_fifo() {
            widen(&file);
            Some(Box::pin(Sender::from_file(file)?))
        } else if kind.is_socket() {
            Some(Box::pin(socket(file)?))
        } else {
            None
        })
    }

    /// A large message goes through in fewer turns. Where there is no more room to be had, it takes a few more.
    #[cfg(target_os = "linux")]
    fn widen(pipe: &File) {
        let _ = nix::fcntl::fcntl(pipe, nix::fcntl::FcntlArg::F_SETPIPE_SZ(WIDTH));
    }

    #[cfg(not(target_os = "linux"))]
    fn widen(_pipe: &File) {}

    fn opened(descriptor: OwnedFd) -> io::Result<(FileType, File)> {
        let file = File::from(descriptor);
        Ok((file.metadata()?.file_type(), file))
    }

    fn socket(file: File) -> io::Result<UnixStream> {
        let stream = StdUnixStream::from(OwnedFd::from(file));
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    }
}
