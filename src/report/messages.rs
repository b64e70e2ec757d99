//! The messages of one session, in `show`: what became of them, where they went and where they came from.

use std::fmt::Write;
use std::io;

use crate::mqtt::PacketType;
use crate::session::{Arrived, Exchange, Session};
use crate::stream::Side;
use crate::text;

use super::model::{Case, Way};
use super::page::{Ink, Page};
use super::schema::missing;

/// Open messages, and sessions at the other end, told one by one.
const SHOWN: usize = 8;

/// Columns of the terminal that the name of a side takes, and a number.
const NAME: usize = 12;
const CELL: usize = 8;

/// A column of the table: its head, and what stands in it.
type Column = (&'static str, fn(&Session, Side) -> u64);

const COLUMNS: [Column; 8] = [
    ("QoS 0", |session, side| session.published.of(side).by_qos[0]),
    ("QoS 1", |session, side| session.published.of(side).by_qos[1]),
    ("QoS 2", |session, side| session.published.of(side).by_qos[2]),
    ("acked", |session, side| session.published.of(side).completed),
    ("refused", |session, side| session.published.of(side).refused),
    ("late", |session, side| session.ledger.of(side).late.count),
    ("resent", |session, side| session.published.of(side).resent),
    ("open", |session, side| open(session, side).count() as u64),
];

/// Writes what there is to say of the messages; nothing if there were none.
pub(super) fn tell(case: &Case, page: &mut Page<'_>) -> io::Result<()> {
    let session = &case.session;
    let sides: Vec<Side> = [Side::Client, Side::Server].into_iter().filter(|side| published(session, *side)).collect();
    if sides.is_empty() {
        return Ok(());
    }
    page.line(&[(Ink::Faint, "  "), (Ink::Accent, "Messages")])?;
    // What is nowhere needs no column.
    let counts = |column: &&Column| sides.iter().any(|side| column.1(session, *side) > 0);
    let room = page.style.width.saturating_sub(NAME) / CELL;
    let columns: Vec<&Column> = COLUMNS.iter().filter(counts).take(room).collect();
    let mut head = format!("{:<NAME$}", "    from");
    for (name, _) in &columns {
        let _ = write!(head, "{name:>CELL$}");
    }
    page.line(&[(Ink::Faint, &head)])?;
    for side in &sides {
        let name = if *side == Side::Client { "    client" } else { "    broker" };
        let mut row = format!("{name:<NAME$}");
        for (_, count) in &columns {
            let _ = write!(row, "{:>CELL$}", text::number(count(session, *side)));
        }
        page.line(&[(Ink::Plain, &row)])?;
    }
    for side in sides {
        details(session, side, page)?;
    }
    ways("Its messages went to", &case.post.sent_to, page)?;
    ways("It received messages of", &case.post.received_from, page)?;
    if let Some(strays) = &case.post.strays {
        let retained = match strays.retained {
            0 => String::new(),
            all if all == strays.messages => ", as retained".to_owned(),
            some => format!(", {} of them as retained", text::number(some)),
        };
        let count = text::counted(strays.messages, "message");
        let line = format!("It received {count}{retained} whose publisher this capture does not show.");
        page.paragraph((Ink::Plain, "    "), Ink::Plain, &line)?;
    }
    page.blank()
}

fn published(session: &Session, side: Side) -> bool {
    let published = session.published.of(side);
    published.by_qos.iter().sum::<u64>() + published.resent > 0
}

fn open(session: &Session, side: Side) -> impl Iterator<Item = &Exchange> {
    let messages = move |exchange: &&Exchange| exchange.sender == side && exchange.packet == PacketType::PUBLISH;
    session.open_exchanges.iter().filter(messages)
}

/// What stands behind the numbers.
fn details(session: &Session, side: Side, page: &mut Page<'_>) -> io::Result<()> {
    let (from, other) = if side == Side::Client { ("the client", "broker") } else { ("the broker", "client") };
    let ledger = session.ledger.of(side);
    let mut lines = Vec::new();
    if let Some((sent, answered)) = ledger.late.slowest {
        let took = text::duration(answered.time.nanoseconds_since(sent.time));
        lines.push(format!("Slowest acknowledgment to {from}: {took} (frames {} and {}).", sent.frame, answered.frame));
    }
    if ledger.again_without_dup.count > 0 {
        let times = text::counted(ledger.again_without_dup.count, "time");
        lines.push(format!(
            "Sent again by {from} without the DUP flag: {times}, first in frame {}.",
            ledger.again_without_dup.first
        ));
    }
    if let Some(first) = ledger.carried.first() {
        let count = text::counted(ledger.carried.len() as u64, "exchange");
        lines.push(format!(
            "Continued by {from} from an earlier connection: {count}, first in frame {}.",
            first.at.frame
        ));
    }
    if ledger.window.full.count > 0 {
        let (times, total) = (text::counted(ledger.window.full.count, "time"), text::duration(ledger.window.total));
        lines.push(format!("The {other}'s Receive Maximum was used up {times}, for {total} in all."));
    }
    for unheard in &ledger.unheard {
        lines.push(format!(
            "The acknowledgment in frame {} (packet id {}) was never acknowledged by TCP.",
            unheard.answered.frame, unheard.packet_identifier
        ));
    }
    for exchange in open(session, side).take(SHOWN) {
        lines.push(waiting(exchange, from, other));
    }
    let more = open(session, side).count().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("… and {} more open.", text::number(more as u64)));
    }
    for line in lines {
        page.paragraph((Ink::Plain, "    "), Ink::Plain, &line)?;
    }
    Ok(())
}

fn waiting(exchange: &Exchange, from: &str, other: &str) -> String {
    let topic = exchange
        .topic
        .as_ref()
        .map_or_else(String::new, |topic| format!(" to “{}”", text::escape(&topic.0, text::NAME)));
    let fate = match exchange.arrived {
        Arrived::Yes => format!("; TCP acknowledged it at the {other}'s host"),
        Arrived::No => "; TCP never acknowledged it".to_owned(),
        Arrived::Unknown => String::new(),
    };
    format!(
        "Open: QoS {}{topic} from {from}, packet id {}, frame {}: no {}{fate}.",
        exchange.qos.0,
        exchange.packet_identifier,
        exchange.started.frame,
        missing(exchange).name()
    )
}

/// The sessions at the other end, those with the most messages first.
fn ways(heading: &str, ways: &[Way], page: &mut Page<'_>) -> io::Result<()> {
    if ways.is_empty() {
        return Ok(());
    }
    page.line(&[(Ink::Plain, "    "), (Ink::Plain, heading)])?;
    for way in ways.iter().take(SHOWN) {
        page.paragraph((Ink::Faint, "      "), Ink::Plain, &line(way))?;
    }
    if ways.len() > SHOWN {
        let more = text::counted((ways.len() - SHOWN) as u64, "more session");
        page.paragraph((Ink::Faint, "      … "), Ink::Faint, &format!("and {more}"))?;
    }
    Ok(())
}

fn line(way: &Way) -> String {
    let route = &way.route;
    let count = match (route.messages, route.retained) {
        (messages, 0) => text::counted(messages, "message"),
        (0, retained) => format!("{} as retained", text::counted(retained, "message")),
        (messages, retained) => {
            format!("{} and {} as retained", text::counted(messages, "message"), text::number(retained))
        }
    };
    let latency = &route.latency;
    let took = latency.median().map_or_else(String::new, |median| {
        let (least, most) = (text::duration(latency.least), text::duration(latency.most));
        match latency.count {
            1 => format!(", {} through the broker", text::duration(median)),
            _ => format!(", {} through the broker in the middle ({least} to {most})", text::duration(median)),
        }
    });
    let doubt = match route.ambiguous {
        0 => String::new(),
        some => format!("; for {} another publisher is as likely", text::number(some)),
    };
    let (there, back) = (route.first.0.frame, route.first.1.frame);
    format!("session {}, {}: {count} (first: frames {there} and {back}){took}{doubt}", way.number, way.client)
}
