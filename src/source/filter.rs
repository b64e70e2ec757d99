//! Filter expressions of libpcap (pcap-filter(7)), compiled by libpcap itself, for frames of files.
//!
//! Invariant: an expression is compiled once for each link type; for a link type that it does not fit
//! ("ether host" where there is no Ethernet) no frame passes.

use pcap::{BpfProgram, Capture, Linktype};

use crate::capture::{Frame, LinkType};

/// A filter expression.
#[derive(Debug)]
pub struct Filter {
    expression: String,
    programs: Vec<(LinkType, Option<Program>)>,
}

/// An expression that libpcap does not take.
#[derive(Debug, thiserror::Error)]
#[error("{expression:?} is no filter expression: {reason}")]
pub struct FilterError {
    /// The expression.
    pub expression: String,
    /// What libpcap says.
    pub reason: String,
}

struct Program(BpfProgram);

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Program")
    }
}

impl Filter {
    /// Checks an expression.
    pub fn new(expression: &str) -> Result<Filter, FilterError> {
        // Any of them knows everything of IP; Ethernet knows the most beside it.
        match compile(expression, LinkType::ETHERNET) {
            Ok(_) => Ok(Filter { expression: expression.to_owned(), programs: Vec::new() }),
            Err(error) => Err(FilterError { expression: expression.to_owned(), reason: reason(&error) }),
        }
    }

    /// Whether a frame passes.
    pub fn passes(&mut self, frame: &Frame<'_>) -> bool {
        let known = self.programs.iter().position(|(link, _)| *link == frame.link);
        let index = known.unwrap_or_else(|| {
            self.programs.push((frame.link, compile(&self.expression, frame.link).ok()));
            self.programs.len() - 1
        });
        let program = self.programs.get(index).and_then(|(_, program)| program.as_ref());
        program.is_some_and(|Program(program)| program.filter(frame.data))
    }
}

fn compile(expression: &str, link: LinkType) -> Result<Program, pcap::Error> {
    let capture = Capture::dead(of_platform(link))?;
    capture.compile(expression, true).map(Program)
}

/// libpcap knows raw IP in memory by another number than in files, and by one on each platform.
fn of_platform(link: LinkType) -> Linktype {
    match link {
        LinkType::RAW if cfg!(target_os = "openbsd") => Linktype(14),
        LinkType::RAW => Linktype(12),
        LinkType(number) => Linktype(number.into()),
    }
}

fn reason(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}
