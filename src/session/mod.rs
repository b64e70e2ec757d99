//! One client's story: what the control packets of one connection said, as owned facts with evidence.
//!
//! Invariant: a [`Session`] holds facts only, each with the frames that show it; no word of
//! judgement. Its size is bounded by [`crate::limits::Limits`], however long the session was.
//! What other connections had to do with it stands in [`Neighbours`].

mod capture;
mod exchanges;
mod facts;
mod observer;
mod rules;
mod timeline;
mod tls;
mod topics;
mod tracker;
mod wire;

pub use capture::{CaptureFacts, FragmentFacts, Tally};
pub use facts::{
    AuthFacts, CaptureEdge, ClientEvidence, CloseFrame, ConnackFacts, ConnectFacts, Delivery, DisconnectFacts,
    Exchange, ExchangeState, HttpAnswer, KeepAliveFacts, LastPacket, MalformedFact, Neighbours, PacketCounts,
    PingFacts, Proof, PublishFacts, Refusal, Rival, Session, Subscription, TextFact, TextMessages, UnfinishedPacket,
    UpgradeRequest, VersionFrom, ViolationFact, WebSocketFacts, WillFacts, close_code_name,
};
pub use observer::{PacketObserver, SeenPacket};
pub use timeline::{Detail, Event, EventKind, Timeline};
pub use tls::{
    AlertFact, ChainFacts, ClientCertificate, ClientHelloFacts, DataFacts, ServerHelloFacts, Shown, Shows, Step,
    TlsEvent, TlsFacts,
};
pub use tracker::Tracker;
pub use wire::{Close, CloseHow, Peer, PerSide, Wire, WireReset};
