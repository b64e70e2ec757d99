//! The long text of anything that a report mentions: codes, outcomes, findings, properties,
//! packet types, qualifiers, notes, and what client libraries print.
//!
//! Invariant: every id that a verdict can hold has its text here; unknown input gets the nearest
//! known names, never a guess.

mod alert_text;
mod client_code;
mod code;
mod console;
mod entry;
mod lookup;
mod packet_text;
mod property_text;
mod reason_text;
mod return_code_text;
mod suggest;

use entry::Entry;

/// What an explanation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// How a session ended.
    Outcome,
    /// Something beside it.
    Finding,
    /// A limit of what can be said.
    Qualifier,
    /// Something about the capture as a whole.
    Note,
    /// A return code of MQTT 3.x.
    ReturnCode,
    /// A reason code of MQTT 5.0.
    ReasonCode,
    /// A control packet.
    PacketType,
    /// A property of MQTT 5.0.
    Property,
    /// An alert of TLS.
    TlsAlert,
    /// What a client library prints.
    ClientCode,
    /// What a broker logs.
    BrokerLog,
    /// Nothing that is known.
    Unknown,
}

impl Kind {
    /// The heading over all of this kind.
    pub fn heading(self) -> &'static str {
        match self {
            Kind::Outcome => "Outcomes",
            Kind::Finding => "Findings",
            Kind::Qualifier => "Qualifiers",
            Kind::Note => "Notes on a capture",
            Kind::ReturnCode => "Return codes of MQTT 3.1 and 3.1.1",
            Kind::ReasonCode => "Reason codes of MQTT 5.0",
            Kind::PacketType => "Control packets",
            Kind::Property => "Properties of MQTT 5.0",
            Kind::TlsAlert => "Alerts of TLS",
            Kind::ClientCode => "Numbers that clients print",
            Kind::BrokerLog => "Lines of brokers' logs",
            Kind::Unknown => "Unknown",
        }
    }
}

/// The long text of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What it is, in one line.
    pub title: String,
    /// What kind of thing it is.
    pub kind: Kind,
    /// Paragraphs of plain text with light Markdown: `**bold**`, `` `code` ``, lists with `- `.
    pub body: String,
    /// What else to ask [`explain`] for.
    pub see_also: Vec<String>,
}

/// One thing that can be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// What to ask [`explain`] for.
    pub name: String,
    /// Its title.
    pub title: String,
}

/// All topics of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicGroup {
    /// The kind.
    pub kind: Kind,
    /// Its topics.
    pub topics: Vec<Topic>,
}

/// Explains `what`: an id, a name, a number such as `0x87`, `135`, `rc=5`, `rc=-2`, or a text that
/// a client printed or a broker logged. The name of a client library may stand before a number.
pub fn explain(what: &str) -> Explanation {
    lookup::explain(what, None)
}

/// What else to ask for, with titles.
pub fn see_also(explanation: &Explanation) -> Vec<Topic> {
    let topic = |name: &String| Topic { name: name.clone(), title: explain(name).title };
    explanation.see_also.iter().map(topic).collect()
}

/// Explains `what` as the client library `client` means it, if `client` is known.
pub fn explain_for_client(what: &str, client: &str) -> Explanation {
    lookup::explain(what, Some(client))
}

/// Everything that can be explained, by kind.
pub fn all() -> Vec<TopicGroup> {
    let mut groups: Vec<TopicGroup> = Vec::new();
    for entry in entry::all() {
        let topic = Topic { name: entry.name, title: entry.title };
        match groups.last_mut() {
            Some(group) if group.kind == entry.kind => group.topics.push(topic),
            _ => groups.push(TopicGroup { kind: entry.kind, topics: vec![topic] }),
        }
    }
    groups
}

impl From<Entry> for Explanation {
    fn from(entry: Entry) -> Explanation {
        Explanation { title: entry.title, kind: entry.kind, body: entry.body, see_also: entry.see_also }
    }
}

#[cfg(test)]
mod tests;
