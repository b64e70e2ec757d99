//! Why an interface cannot be captured on, and what to do about it.
//!
//! Invariant: a missing right is named with the exact command that gives it to this very executable.

use super::handle::ANY;
use super::list::interfaces;

/// Why an interface cannot be captured on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterfaceError {
    /// The right to capture is missing.
    #[error("cannot capture on {name}: the right CAP_NET_RAW is missing")]
    Permission {
        /// The interface.
        name: String,
    },
    /// There is no such interface.
    #[error("cannot capture on {name}: there is no such interface")]
    NotFound {
        /// The interface.
        name: String,
        /// Those that there are.
        others: Vec<String>,
    },
    /// There is no interface at all, or none that may be seen.
    #[error("there is no interface to capture on")]
    None,
    /// The interface is there, but down.
    #[error("cannot capture on {name}: it is down")]
    Down {
        /// The interface.
        name: String,
    },
    /// The filter expression is none.
    #[error("{expression:?} is no filter expression for {name}: {reason}")]
    Filter {
        /// The interface.
        name: String,
        /// The expression.
        expression: String,
        /// What libpcap says.
        reason: String,
    },
    /// libpcap refused something else.
    #[error("cannot {operation} {name}: {source}")]
    Pcap {
        /// What was tried.
        operation: &'static str,
        /// The interface.
        name: String,
        /// What libpcap says.
        source: pcap::Error,
    },
}

impl InterfaceError {
    /// The first thing to try.
    pub fn hint(&self) -> String {
        match self {
            InterfaceError::Permission { .. } => give_right(),
            InterfaceError::NotFound { others, .. } => format!("there are: {}", others.join(", ")),
            InterfaceError::None => "`mqttcap interfaces` lists what may be seen; it may need sudo".into(),
            InterfaceError::Down { name } => format!("sudo ip link set {name} up"),
            InterfaceError::Filter { .. } => "pcap-filter(7) says what libpcap takes, as tcpdump does".into(),
            InterfaceError::Pcap { .. } => "`mqttcap interfaces` lists what can be captured on".into(),
        }
    }

    /// In a few words, for a list.
    pub fn brief(&self) -> String {
        match self {
            InterfaceError::Permission { .. } => "no right to capture".into(),
            InterfaceError::NotFound { .. } | InterfaceError::None => "gone".into(),
            InterfaceError::Down { .. } => "down".into(),
            InterfaceError::Filter { reason, .. } => reason.clone(),
            InterfaceError::Pcap { source, .. } => source.to_string(),
        }
    }

    /// What libpcap's refusal means.
    pub(super) fn of(operation: &'static str, name: &str, source: pcap::Error) -> InterfaceError {
        let text = source.to_string().to_lowercase();
        let name = name.to_owned();
        if text.contains("permission") || text.contains("not permitted") {
            InterfaceError::Permission { name }
        } else if text.contains("no such device") || text.contains("doesn't exist") {
            let others = interfaces().unwrap_or_default().into_iter();
            let others = others.filter(|info| info.state.is_some() || info.name == ANY).map(|info| info.name).collect();
            InterfaceError::NotFound { name, others }
        } else if text.contains("not up") || text.contains("network is down") {
            InterfaceError::Down { name }
        } else {
            InterfaceError::Pcap { operation, name, source }
        }
    }
}

/// The command that lets this executable capture.
#[cfg(target_os = "linux")]
pub fn give_right() -> String {
    let program = std::env::current_exe().map_or_else(|_| "$(command -v mqttcap)".into(), quoted);
    format!("sudo setcap cap_net_raw=eip {program}")
}

/// What lets this executable capture.
#[cfg(not(target_os = "linux"))]
pub fn give_right() -> String {
    "run it with sudo, or give yourself access to /dev/bpf*".into()
}

/// A path as a shell takes it.
#[cfg(target_os = "linux")]
#[allow(clippy::needless_pass_by_value)] // as `map_or_else` hands it over
fn quoted(path: std::path::PathBuf) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
