//! How a session ended: one rule for each outcome, tried in one order, first match wins.
//!
//! Invariant: every session gets exactly one outcome. What was said in so many words beats what
//! is inferred; what is inferred from bytes beats what is inferred from timing.

mod admitted;
mod attempted;
mod judgement;
mod refusal;
mod relayed;

use std::borrow::Cow;

use super::story::Story;
use super::{Confidence, Outcome, Severity, qualifier, words};

pub(crate) use judgement::Judgement;

use super::symptom::Sight;

/// What is always the same about an outcome.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    /// Its stable id.
    pub(crate) id: &'static str,
    /// The group it is counted in.
    pub(crate) group: &'static str,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// Its long text: a title line, then paragraphs.
    pub(crate) text: &'static str,
}

/// One rule: whether a session ended in this way.
type Rule = (&'static About, fn(&Story<'_>) -> Option<Judgement>);

/// Names the rule modules, and sets their order. An outcome that is first looked for in words and
/// later inferred stands in the order twice.
macro_rules! order {
    (modules: $($module:ident)*; order: $($name:ident::$rule:ident)*) => {
        $(mod $module;)*

        /// What each outcome is about, by id.
        pub(crate) const ABOUT: &[&About] = &[$(&$module::ABOUT),*];

        /// The rules, in the order in which they are tried.
        const ORDER: &[Rule] = &[$((&$name::ABOUT, $name::$rule)),*];
    };
}

order! {
    modules:
        clean_disconnect disconnect_with_will capture_ended_connected capture_began_mid_session
        arp_unanswered dns_name_not_found dns_no_answer
        icmp_unreachable syn_unanswered connection_refused tcp_handshake_incomplete
        tls_to_plain_port plain_to_tls_port http_answer ws_upgrade_refused not_mqtt proxy_header_mismatch
        tcp_open_no_connect connect_unanswered connect_closed
        refused_protocol_version refused_client_id refused_bad_credentials refused_not_authorized
        refused_server_unavailable refused_will_or_feature refused_other auth_exchange_failed
        redirected
        session_taken_over keepalive_expired closed_after_request client_broke_rules
        packet_too_large quota_exceeded feature_not_supported not_authorized_disconnect
        server_shutdown administrative_disconnect server_closed
        ping_unanswered server_broke_rules client_closed
        path_failed unclassified
        tls_server_cert_rejected tls_client_cert_rejected tls_negotiation_failed tls_handshake_abandoned
        encrypted_session_ended;
    order:
        // Before TCP carried anything.
        arp_unanswered::judge dns_name_not_found::judge dns_no_answer::judge
        icmp_unreachable::judge syn_unanswered::judge syn_unanswered::late connection_refused::judge tcp_handshake_incomplete::judge
        unclassified::unseen
        // The wrong door: the answer is not MQTT.
        http_answer::judge ws_upgrade_refused::judge plain_to_tls_port::answered not_mqtt::judge
        // The client does not begin with MQTT.
        tls_to_plain_port::judge tls_to_plain_port::unread connect_closed::behind_header proxy_header_mismatch::judge proxy_header_mismatch::unanswered
        plain_to_tls_port::closed_on_upgrade not_mqtt::opened
        // TLS: what an alert says, then what follows a certificate.
        tls_client_cert_rejected::said tls_server_cert_rejected::said tls_negotiation_failed::judge
        tls_client_cert_rejected::seen tls_server_cert_rejected::seen
        // What was said in so many words.
        refused_protocol_version::judge refused_client_id::judge refused_bad_credentials::judge
        refused_not_authorized::judge refused_server_unavailable::judge
        refused_will_or_feature::judge auth_exchange_failed::said redirected::judge
        refused_other::judge
        session_taken_over::said keepalive_expired::said client_broke_rules::said
        packet_too_large::said packet_too_large::by_close_code quota_exceeded::judge feature_not_supported::judge
        not_authorized_disconnect::judge server_shutdown::said administrative_disconnect::judge
        clean_disconnect::judge disconnect_with_will::judge server_broke_rules::said
        client_closed::said
        // The door stayed shut.
        tcp_open_no_connect::judge auth_exchange_failed::seen plain_to_tls_port::closed
        connect_closed::judge path_failed::before_connack connect_unanswered::judge
        // What the wire shows of a running session.
        path_failed::before_takeover session_taken_over::seen client_broke_rules::seen server_broke_rules::seen
        packet_too_large::announced icmp_unreachable::midway path_failed::holed
        keepalive_expired::seen ping_unanswered::judge
        server_shutdown::seen packet_too_large::amid closed_after_request::judge
        client_broke_rules::by_acknowledgment
        path_failed::judge
        // Inside TLS nothing can be read.
        unclassified::cut_short tls_handshake_abandoned::judge tls_handshake_abandoned::cut tcp_open_no_connect::encrypted connect_closed::encrypted
        connect_closed::encrypted_answer
        connect_unanswered::encrypted encrypted_session_ended::judge
        // Who closed.
        session_taken_over::by_user_name server_closed::judge client_closed::judge
        // No end was seen.
        client_closed::replaced capture_began_mid_session::judge capture_ended_connected::judge
}

/// An outcome with what goes along with it.
pub(crate) struct Judged {
    /// How the session ended.
    pub(crate) outcome: Outcome,
    /// Why that usually happens, most likely first.
    pub(crate) causes: Vec<Cow<'static, str>>,
    /// What to try.
    pub(crate) next_steps: Vec<Cow<'static, str>>,
    /// What the client's end saw.
    pub(crate) sight: Sight,
}

/// Finds how the session of `story` ended.
pub(crate) fn judge(story: &Story<'_>) -> Judged {
    let found = ORDER.iter().find_map(|(about, rule)| {
        let judgement = rule(story)?;
        let confidence = qualifier::cap(judgement.confidence, judgement.grounds, &story.qualifiers)?;
        Some((*about, confidence, judgement))
    });
    let (about, confidence, judgement) =
        found.unwrap_or_else(|| (&unclassified::ABOUT, Confidence::Certain, unclassified::nothing(story)));
    let said = judgement.said.as_ref();
    Judged {
        outcome: Outcome {
            id: about.id,
            group: about.group,
            severity: judgement.severity.unwrap_or(about.severity),
            confidence,
            sentence: judgement.sentence,
            code: said.map(|said| said.code),
            code_name: said.and_then(|said| words::code_name(said.code, said.packet)),
            reason_string: said.and_then(|said| said.reason_string.clone()),
            frames: judgement.frames,
        },
        causes: judgement.causes,
        next_steps: judgement.next_steps,
        sight: judgement.sight,
    }
}

#[cfg(test)]
mod tests;
