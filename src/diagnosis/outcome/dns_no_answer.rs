//! `dns-no-answer`: the broker's name could not be looked up, for another reason than that it does not exist.

use super::attempted::{capped, lookup, meant, named, repeated, servers};
use super::{About, Judgement};
use crate::attempt::{Lookup, LookupFailure};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::Story;
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity};
use crate::net::Rcode;

pub(super) const ABOUT: About = About {
    id: "dns-no-answer",
    group: "network",
    severity: Severity::Error,
    text: include_str!("dns_no_answer.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let lookup = lookup(story)?;
    let (name, server) = (named(&lookup.name), servers(lookup));
    let asks = format!("{} asked {server} for it {}", lookup.asker, repeated(&lookup.asked));
    let first = lookup.servers.first().map(ToString::to_string).unwrap_or_default();
    let failed = |why: String, confidence: Confidence| {
        let sentence = format!("The name {name} could not be looked up: {asks}, {why}.{}", meant(story));
        let answered = (lookup.answered.count > 0).then_some([lookup.answered.first, lookup.answered.last]);
        Judgement::new(capped(confidence, story), sentence)
            .at([lookup.asked.first, lookup.asked.last])
            .at(answered.into_iter().flatten())
    };
    let test = "As a test, give the client the broker's IP address instead of the name.";
    Some(match lookup.failure {
        LookupFailure::NotFound => return None,
        LookupFailure::Silence if lookup.multicast => failed("and nobody on this network answered".into(), Confidence::VeryLikely)
            .on(&[Ground::Absence])
            .cause("The broker's host does not announce this name (mDNS: avahi or Bonjour), is off, or has another name.")
            .cause("mDNS does not leave its own network: the broker is in another VLAN, or the access point holds back multicast.")
            .step(format!("On a computer of this network, try `avahi-resolve -n {name}` or `ping {name}`."))
            .step(test)
            .seen_as(Sight::NameUnanswered),
        LookupFailure::Silence => {
            let confidence = if lookup.asked.count > 1 { Confidence::VeryLikely } else { Confidence::Possible };
            failed("and nothing came back".into(), confidence)
                .on(&[Ground::Absence])
                .cause(format!("No DNS server runs at {server}, or it is off: the client got a wrong one by DHCP or in its settings."))
                .cause("A firewall on the way discards DNS (UDP port 53), or the way to the server is broken.")
                .cause("The answers do not pass the place of the capture.")
                .step(format!("From the client's network, try `nslookup {name} {first}`."))
                .step("Look which DNS server the client has, and give it one that answers.")
                .step(test)
                .seen_as(Sight::NameUnanswered)
        }
        LookupFailure::Undeliverable(router) => failed(format!("and {router} said that it could not be delivered (ICMP)"), Confidence::Certain)
            .cause_if(lookup.servers.contains(&router), format!("No DNS server runs at {router}: the client got a wrong one by DHCP or in its settings."))
            .cause_if(!lookup.servers.contains(&router), format!("There is no way from {router} to the DNS server: the server or an uplink is down, or a firewall rejects DNS."))
            .step(format!("From the client's network, try `nslookup {name} {first}`."))
            .step("Look which DNS server the client has, and give it one that answers.")
            .step(test)
            .seen_as(Sight::NameUnanswered),
        LookupFailure::Error(Rcode::REFUSED) => failed("which refused to answer (REFUSED)".into(), Confidence::Certain)
            .cause(format!("{server} answers only for its own names, or only for hosts that its rules allow."))
            .step(format!("Give the client a DNS server that serves its network, or allow it on {server}."))
            .step(test)
            .seen_as(Sight::NameUnanswered),
        LookupFailure::Error(code) => failed(format!("which could not answer ({})", code_name(code)), Confidence::Certain)
            .cause(format!("{server} cannot reach the servers it asks in turn: its uplink is down, or its forwarders do not answer."))
            .cause(format!("The zone of {name} is broken: its servers do not answer, or its DNSSEC signatures are not valid."))
            .step(format!("Ask another DNS server for comparison: `nslookup {name} 1.1.1.1`."))
            .step(format!("Look into the log of the DNS server {server}."))
            .seen_as(Sight::NameUnanswered),
        LookupFailure::Blocked(address) => failed(format!("and the answer was {address}, an address at which no broker is"), Confidence::VeryLikely)
            .cause(format!("The name is on a block list of the DNS server {server} (an ad blocker such as Pi-hole, or parental control)."))
            .step(format!("Allow {name} on {server}, or ask another DNS server: `nslookup {name} 1.1.1.1`."))
            .seen_as(Sight::Nothing),
        LookupFailure::Empty => failed(format!("and the answer held no {} address", kinds(lookup)), Confidence::VeryLikely)
            .cause(format!("The name exists, but not with an address of the kind that was asked for ({}).", kinds(lookup)))
            .cause("The name is that of a domain, not of the broker's host.")
            .step(format!("See what the name has: `nslookup -type=A {name} {first}` and `nslookup -type=AAAA {name} {first}`."))
            .step(test)
            .seen_as(Sight::NameWithoutAddress),
    })
}

fn kinds(lookup: &Lookup) -> &'static str {
    match lookup.kinds {
        (true, true) => "IPv4 or IPv6",
        (false, true) => "IPv6",
        _ => "IPv4",
    }
}

/// The names of RFC 1035 §4.1.1.
fn code_name(code: Rcode) -> String {
    match code {
        Rcode(1) => "FORMERR".to_owned(),
        Rcode::SERVER_FAILURE => "SERVFAIL".to_owned(),
        Rcode(4) => "NOTIMP".to_owned(),
        Rcode(code) => format!("RCODE {code}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::attempt::{LookupFailure, Tie};
    use crate::diagnosis::testing::{outcome, vain};
    use crate::net::Rcode;

    #[test]
    fn each_way_to_fail_is_told_apart() {
        let said = |failure| {
            let outcome = outcome(&vain(failure, Tie::Broker));
            assert_eq!(outcome.id, "dns-no-answer");
            outcome.sentence
        };
        assert!(said(LookupFailure::Silence).ends_with("and nothing came back."));
        assert!(said(LookupFailure::Error(Rcode::SERVER_FAILURE)).contains("SERVFAIL"));
        assert!(said(LookupFailure::Error(Rcode::REFUSED)).contains("REFUSED"));
        assert!(said(LookupFailure::Empty).contains("no IPv4 address"));
        assert!(said(LookupFailure::Blocked([0, 0, 0, 0].into())).contains("0.0.0.0"));
        assert!(said(LookupFailure::Undeliverable([10, 0, 0, 1].into())).contains("ICMP"));
    }
}
