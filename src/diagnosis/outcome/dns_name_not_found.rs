//! `dns-name-not-found`: the broker's name does not exist.

use super::attempted::{capped, lookup, meant, named, repeated, servers};
use super::{About, Judgement};
use crate::attempt::LookupFailure;
use crate::diagnosis::story::Story;
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity};

pub(super) const ABOUT: About = About {
    id: "dns-name-not-found",
    group: "network",
    severity: Severity::Error,
    text: include_str!("dns_name_not_found.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let lookup = lookup(story).filter(|lookup| lookup.failure == LookupFailure::NotFound)?;
    let (asker, name, server) = (lookup.asker, named(&lookup.name), servers(lookup));
    let local = name.rsplit_once('.').is_some_and(|(_, last)| last == "local");
    let bare = !name.contains('.');
    let variants: Vec<String> = lookup.variants.iter().map(named).collect();
    let also = if variants.is_empty() { String::new() } else { format!(", nor does {}", variants.join(" or ")) };
    let sentence = format!(
        "The name {name} does not exist{also}: {asker} asked {server} {} and was told so (NXDOMAIN).{}",
        repeated(&lookup.asked),
        meant(story)
    );
    Some(
        Judgement::new(capped(Confidence::Certain, story), sentence)
            .at([lookup.asked.first, lookup.answered.first, lookup.answered.last])
            .cause_if(local, "Names under .local are announced by mDNS, and DNS servers do not know them: the client has no mDNS, or did not use it.")
            .cause_if(bare, "The name has no domain: it is known only where a search domain or the router's own DNS completes it.")
            .cause("The name is misspelt in the client, or was never entered in DNS.")
            .cause(format!("The name exists only for another DNS server, such as that of a company's network or VPN, and {server} does not know it."))
            .step(format!("Ask the same server from a computer: `nslookup {name} {}`.", lookup.servers.first().map(ToString::to_string).unwrap_or_default()))
            .step("Compare the name, letter by letter, with the one under which the broker is known.")
            .step("As a test, give the client the broker's IP address instead of the name.")
            .seen_as(Sight::NameNotFound),
    )
}

#[cfg(test)]
mod tests {
    use crate::attempt::{LookupFailure, Tie};
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{outcome, vain};

    #[test]
    fn the_sentence_says_who_said_so_and_how_sure_it_is_that_it_was_for_a_broker() {
        let known = outcome(&vain(LookupFailure::NotFound, Tie::Broker));
        assert_eq!((known.id, known.confidence), ("dns-name-not-found", Confidence::Certain));
        assert_eq!(
            known.sentence,
            "The name mqtt.lan does not exist: 10.0.0.21 asked 10.0.0.1 4 times in 15 s (about every 5 s) and was told so (NXDOMAIN)."
        );
        let alone = outcome(&vain(LookupFailure::NotFound, Tie::Alone));
        assert_eq!(alone.confidence, Confidence::Likely);
        assert!(alone.sentence.contains("a guess"), "{}", alone.sentence);
    }
}
