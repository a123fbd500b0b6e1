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

/// Returns when nobody reads standard output any more; where that cannot be seen, never.
pub(crate) async fn unread() {
    #[cfg(unix)]
    if direct::unread().await.is_ok() {
        return;
    }
    std::future::pending::<()>().await;
}

#[cfg(unix)]
mod direct {
    use std::{
        fs::{File, FileType},
        os::{
            fd::{AsFd, OwnedFd},
            unix::{fs::FileTypeExt, net::UnixStream as StdUnixStream},
        },
        time::Duration,
    };

    use tokio::{
        io::Interest,
        net::{
            UnixStream,
            unix::pipe::{Receiver, Sender},
        },
    };

    use super::{AsyncRead, AsyncWrite, Pin, io};

    /// How often it is looked whether somebody still reads.
    const LOOK: Duration = Duration::from_millis(250);

    /// How much may wait in a pipe for its reader, in bytes. Linux gives one user 64 MiB for all of their pipes, and whoever
    /// asks for more gets pipes of a page or two from then on, in every program.
    #[cfg(target_os = "linux")]
    const WIDTH: i32 = 256 * 1024;

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

    /// An error where it is no pipe and no socket.
    pub(super) async fn unread() -> io::Result<()> {
        let (kind, file) = opened(io::stdout().as_fd().try_clone_to_owned()?)?;
        if kind.is_fifo() {
            let pipe = Sender::from_file(file)?;
            while !pipe.ready(Interest::WRITABLE).await?.is_write_closed() {
                tokio::time::sleep(LOOK).await;
            }
        } else if kind.is_socket() {
            let socket = socket(file)?;
            while !socket.ready(Interest::WRITABLE).await?.is_write_closed() {
                tokio::time::sleep(LOOK).await;
            }
        } else {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(())
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
