//! Why a capture could not be opened. What goes wrong later is [`super::Damage`].

use std::io;
use std::path::{Path, PathBuf};

use super::content::Content;
use super::shown::Shown;

/// A capture that could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such file.
    #[error("cannot open {}: no such file or directory", Shown(path))]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The file may not be read.
    #[error("cannot open {}: permission denied", Shown(path))]
    PermissionDenied {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused something else.
    #[error("cannot {operation} {}: {source}", Shown(path))]
    Io {
        /// What was tried: "open", "read", "list".
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A directory where one file is expected.
    #[error("cannot read {}: it is a directory", Shown(path))]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// A directory that holds no capture file.
    #[error("cannot read {}: none of the {files} files in this directory is a pcap or pcapng capture", Shown(path))]
    NoCaptures {
        /// The directory.
        path: PathBuf,
        /// How many files were looked at.
        files: usize,
    },
    /// A file of no bytes.
    #[error("cannot read {}: it is empty (0 bytes)", Shown(path))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A file of another kind.
    #[error("cannot read {}: not a pcap or pcapng capture, {content}", Shown(path))]
    NotACapture {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        content: Content,
    },
    /// A capture file that ends inside its own header.
    #[error("cannot read {}: it is cut off inside the file header, after {length} bytes", Shown(path))]
    CutHeader {
        /// The file.
        path: PathBuf,
        /// How long it is.
        length: u64,
    },
    /// A capture file whose header makes no sense.
    #[error("cannot read {}: its file header is damaged", Shown(path))]
    InvalidHeader {
        /// The file.
        path: PathBuf,
    },
    /// A version of the format that is not known.
    #[error("cannot read {}: version {version} of the capture format is not supported", Shown(path))]
    Version {
        /// The file.
        path: PathBuf,
        /// Its major version.
        version: u16,
    },
}

impl Error {
    /// What the operating system said about `operation` on `path`.
    pub(super) fn io(operation: &'static str, path: &Path, source: io::Error) -> Error {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound { path },
            io::ErrorKind::PermissionDenied => Error::PermissionDenied { path },
            io::ErrorKind::IsADirectory => Error::Directory { path },
            _ => Error::Io { operation, path, source },
        }
    }

    /// The nearest kind of I/O error.
    pub(super) fn io_kind(&self) -> io::ErrorKind {
        match self {
            Error::NotFound { .. } => io::ErrorKind::NotFound,
            Error::PermissionDenied { .. } => io::ErrorKind::PermissionDenied,
            Error::Io { source, .. } => source.kind(),
            _ => io::ErrorKind::InvalidData,
        }
    }

    /// The first thing to try.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::NotFound { .. } => "check the spelling; a relative path starts at the current directory".into(),
            Error::PermissionDenied { path } => {
                format!("captures made by root belong to root: sudo chmod a+r {}", quoted(path))
            }
            Error::Io { .. } => return None,
            Error::Directory { .. } => "name the capture files in it".into(),
            Error::NoCaptures { .. } => "captures are told by their content, not by their names".into(),
            Error::Empty { .. } => "was the capture stopped before it wrote anything? \
                tcpdump -U writes every packet at once"
                .into(),
            Error::CutHeader { .. } | Error::InvalidHeader { .. } => {
                "copy the file again, or capture again with: tcpdump -i any -s 0 -w trace.pcap".into()
            }
            Error::Version { .. } => "save it again as pcapng with Wireshark".into(),
            Error::NotACapture { path, content } => return not_a_capture(path, *content),
        })
    }
}

fn not_a_capture(path: &Path, content: Content) -> Option<String> {
    let file = quoted(path);
    if let Some(decompress) = content.decompressor() {
        return Some(if path == Path::new("-") {
            format!("decompress it first: … | {decompress} | mqttcap read -")
        } else {
            format!("decompress it first: {decompress} {file} | mqttcap read -")
        });
    }
    Some(match content {
        Content::Zip => "unpack it first".into(),
        Content::Snoop | Content::NetworkMonitor | Content::Sniffer => {
            format!("convert it with Wireshark's editcap: editcap {file} trace.pcapng")
        }
        Content::EventTrace => format!("convert it: etl2pcapng {file} trace.pcapng, or pktmon etl2pcap {file}"),
        Content::Text => "mqttcap reads what tcpdump -w writes, not what tcpdump prints".into(),
        _ => return None,
    })
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let shown = Shown(path).to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if path != Path::new("-") && !shown.is_empty() && shown.chars().all(plain) {
        shown
    } else {
        format!("'{}'", shown.replace('\'', r"'\''"))
    }
}
