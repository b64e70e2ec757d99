mod support;
#[test]
fn dump() {
    for path in support::captures() {
        let (sessions, facts) = support::analyse(&path);
        println!("{} packets={} conns={} other={:?}", support::name(&path), facts.packets, facts.connections, facts.other);
        for s in sessions {
            let c = &s;
            println!("   #{} {:?} v={:?} cid={:?} ev={:?} code={:?} pk={}+{} close={:?} skip={:?} mal={} unf={:?} open={} rival={} tog={}", c.wire.stream, c.wire.first.frame.0, c.version, c.connect.as_ref().map(|c| String::from_utf8_lossy(&c.client_id.0).into_owned()), c.client_evidence, c.connack.as_ref().map(|c| c.code.0), c.counts.client.total(), c.counts.server.total(), c.wire.close().map(|c| (c.by, c.how, c.at.frame.0)), c.skipped_bytes, c.malformed.len(), c.unfinished_packet, c.open_exchanges.len(), c.neighbours.rival.is_some(), c.neighbours.closed_together.len());
        }
    }
}
