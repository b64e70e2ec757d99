//! What few sessions have, and what comes at most a few times in one.

use std::sync::LazyLock;

use thin_vec::ThinVec;

use super::early::EarlyAnswers;
use super::ledger::Delivered;
use super::requests::Request;
use crate::mqtt::VersionEvidence;
use crate::session::facts::{Empty, RetainedBurst};
use crate::session::tls::TlsFacts;

/// Kept apart from what every packet touches, and only where there is any of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seldom {
    /// What the packets tell of the version.
    pub(super) version: Option<Box<VersionEvidence>>,
    /// What the version was inferred from.
    pub(super) inferred: Option<&'static str>,
    /// Requests without answer.
    pub(super) requests: ThinVec<Request>,
    /// Answers before their request: the capture has them in another order.
    pub(super) early: Option<Box<EarlyAnswers>>,
    /// The message that was delivered last.
    pub(super) last_delivered: Option<Delivered>,
    /// The row of retained messages that goes on.
    pub(super) row: Option<Box<RetainedBurst>>,
    pub(super) tls: Option<Box<TlsFacts>>,
}

impl Empty for Seldom {
    fn empty() -> &'static Seldom {
        static EMPTY: LazyLock<Seldom> = LazyLock::new(Seldom::default);
        &EMPTY
    }
}
