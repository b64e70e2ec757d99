//! One client's story: what the control packets of one connection said, as owned facts with evidence.
//!
//! Invariant: a [`Session`] holds facts only, each with the frames that show it; no word of
//! judgement. Its size is bounded by [`crate::limits::Limits`], however long the session was.
//! What other connections had to do with it stands in [`Neighbours`].

mod beside;
mod capture;
mod exchanges;
mod facts;
mod fingerprint;
mod observer;
mod rules;
mod timeline;
mod tls;
mod topics;
mod tracker;
mod traffic;
mod wire;

pub use beside::{SILENCE_SPREAD, compare};
pub use capture::{CaptureFacts, FragmentFacts, Tally};
pub use facts::{
    Admission, Admitted, Arrived, AuthFacts, Book, CaptureEdge, Carried, ClientEvidence, CloseFrame, ConnackFacts,
    ConnectFacts, Delivery, Detour, DisconnectFacts, Empty, Exchange, ExchangeState, HttpAnswer, KeepAliveFacts,
    LastPacket, Late, Ledger, Leg, Legs, MalformedFact, Namesake, Neighbours, Oddities, Overlap, PacketCounts,
    PingFacts, Proof, PublishFacts, Rare, Refusal, RetainedBurst, Rival, Serving, Session, Subscription, Taken,
    TakenRequest, TextFact, TextMessages, Twice, UnfinishedPacket, Unheard, UpgradeRequest, VersionFrom, ViolationFact,
    Ways, WebSocketFacts, WillFacts, Window, close_code_name,
};
pub use fingerprint::{FINGERPRINTED, fingerprint};
pub use observer::{PacketObserver, SeenPacket};
pub use timeline::{Detail, Event, EventKind, Timeline};
pub use tls::{
    AlertFact, ChainFacts, ClientCertificate, ClientHelloFacts, DataFacts, ServerHelloFacts, Shown, Shows, Step,
    TlsEvent, TlsFacts,
};
pub use tracker::Tracker;
pub use traffic::{Latency, Missed, Rounds, Route, Strays, Traffic, WillSighting};
pub use wire::{Close, CloseHow, Peer, PerSide, Wire, WireReset};

use thin_vec::ThinVec;

/// Adds to a list that mostly stays short: it takes room for one first, where [`ThinVec::push`] takes it for four.
fn push_tight<T>(list: &mut ThinVec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len().max(1));
    }
    list.push(item);
}
