//! Who was let in beside a client that was refused, and what that says of why.

use crate::diagnosis::story::Story;
use crate::diagnosis::words;
use crate::session::{Admission, Admitted, TextFact, WillFacts};

/// What the clients that were let in tell.
pub(super) struct Compared {
    /// The first cause.
    pub(super) cause: String,
    /// Whether the user name, or that there is none, is not to blame.
    pub(super) user_is_fine: bool,
}

/// Compares the refused client with those that the same server let in, if any has something in common with it.
pub(super) fn compare(story: &Story<'_>) -> Option<Compared> {
    let session = story.session;
    let Admitted { same, other_id, other_user } = session.neighbours.admitted.as_deref()?;
    let refused = session.connack.as_ref()?.at;
    let user = session.connect.as_ref()?.username.as_ref().filter(|name| !name.is_empty());
    let frame = |one: &Admission| one.at.frame;
    if let Some(one) = same {
        let before = one.at.is_before(refused);
        let when = if before { "before" } else { "later" };
        let name = user.map_or("this client without a user name", |_| "the same user name and client id");
        let will = session.connect.as_ref()?.will.as_ref();
        if let Some(other) = will.and_then(|will| other_will(will, one.will.as_deref())) {
            let cause = format!(
                "The broker accepted {name} {when} {other} (frame {}): the will of this connection, to {}, may not be allowed, or be too large.",
                frame(one),
                words::quoted(&will?.topic)
            );
            return Some(Compared { cause, user_is_fine: true });
        }
        let why = match (user, before) {
            (Some(_), true) => {
                "the password sent here is another one or has expired, or the broker's users or rules have changed since"
            }
            (Some(_), false) => {
                "the password sent here was another one, or the broker's users or rules were changed in between"
            }
            (None, true) => "its configuration or its rules have changed since",
            (None, false) => "its configuration or its rules were changed in between",
        };
        let cause = format!("The broker accepted {name} {when} (frame {}): {why}.", frame(one));
        return Some(Compared { cause, user_is_fine: true });
    }
    if let Some(one) = other_id {
        let (who, at) = (who(one), frame(one));
        let cause = match user {
            Some(_) => format!(
                "The user name is known, as the broker accepted it from {who} (frame {at}): the password differs here, or a rule keeps this client id or its address out."
            ),
            None => format!(
                "A rule keeps this client id or its address out: without a user name the broker accepted {who} (frame {at})."
            ),
        };
        return Some(Compared { cause, user_is_fine: true });
    }
    let one = other_user.as_ref()?;
    let with = name(one.username.as_ref());
    let here = match (user, &one.username) {
        (Some(_), Some(_)) => "the user name or password of this connection does not fit it",
        (Some(_), None) => "what it refuses is the user name or password sent here",
        (None, _) => "this connection sent none",
    };
    let cause = format!("The broker accepted the same client id {with} (frame {}): {here}.", frame(one));
    Some(Compared { cause, user_is_fine: false })
}

/// How the will of a client that was let in differs from `refused`.
fn other_will(refused: &WillFacts, admitted: Option<&WillFacts>) -> Option<&'static str> {
    match admitted {
        None => Some("without a will"),
        Some(admitted) if admitted.topic != refused.topic => Some("with a will to another topic"),
        Some(admitted) if admitted.fingerprint != refused.fingerprint => Some("with a will of other content"),
        Some(_) => None,
    }
}

fn who(one: &Admission) -> String {
    if one.client_id.is_empty() { one.client.address.to_string() } else { words::quoted(&one.client_id) }
}

fn name(username: Option<&TextFact>) -> String {
    username
        .map_or_else(|| "without a user name".to_owned(), |name| format!("with the user name {}", words::quoted(name)))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::diagnose;
    use crate::diagnosis::testing::{Tale, text};
    use crate::mqtt::QoS;
    use crate::session::{Session, WillFacts, compare};

    fn client(id: &str, user: Option<&str>, code: u8, second: f64) -> Session {
        let tale = Tale::connecting().connack(code).with(|session| {
            let connect = session.connect.as_mut().unwrap();
            (connect.client_id, connect.username) = (text(id), user.map(text));
            #[allow(clippy::cast_possible_truncation)] // seconds of a test
            let later = (second * 1e9) as i64;
            session.connack.as_mut().unwrap().at.time.0 += later;
            session.connack.as_mut().unwrap().at.frame =
                crate::capture::FrameNumber::new(10 + later.unsigned_abs() / 1_000_000_000);
        });
        tale.build()
    }

    /// The causes of the first, which is refused, beside the others.
    fn causes(sessions: Vec<Session>) -> Vec<String> {
        let mut sessions: Vec<_> = sessions.into_iter().map(Box::new).collect();
        compare(&mut sessions);
        diagnose(&sessions[0]).causes.into_iter().map(Into::into).collect()
    }

    #[test]
    fn a_broker_that_lets_others_in_without_a_name_takes_anonymous_clients() {
        let refused = || client("a", None, 5, 5.0);
        let told = causes(vec![refused(), client("b", None, 0, 1.0)]);
        assert_eq!(
            told[0],
            "A rule keeps this client id or its address out: without a user name the broker accepted “b” (frame 11)."
        );
        assert!(!told.concat().contains("takes no anonymous clients"));
        // One with a name, or of another broker, says nothing of it.
        for other in [client("b", Some("u"), 0, 1.0), {
            let mut other = client("b", None, 0, 1.0);
            other.wire.peers.server.endpoint.port = 1884;
            other
        }] {
            assert!(causes(vec![refused(), other])[0].contains("takes no anonymous clients"));
        }
        let named = causes(vec![refused(), client("a", Some("u"), 0, 9.0)]);
        assert_eq!(
            named[0],
            "The broker accepted the same client id with the user name “u” (frame 19): this connection sent none."
        );
        assert!(named[1].contains("takes no anonymous clients"));
        let before = causes(vec![refused(), client("a", None, 0, 1.0)]);
        assert_eq!(
            before[0],
            "The broker accepted this client without a user name before (frame 11): its configuration or its rules have changed since."
        );
    }

    #[test]
    fn a_user_name_that_is_accepted_elsewhere_is_right() {
        let refused = |code| client("a", Some("u"), code, 5.0);
        for code in [4, 5] {
            let told = causes(vec![refused(code), client("b", Some("u"), 0, 9.0)]);
            assert!(
                told[0]
                    .starts_with("The user name is known, as the broker accepted it from “b” (frame 19): the password")
            );
            assert!(
                !told.concat().contains("user name, is wrong")
                    && !told.concat().contains("user name or password is wrong")
            );
            let later = causes(vec![refused(code), client("a", Some("u"), 0, 9.0)]);
            assert!(later[0].starts_with(
                "The broker accepted the same user name and client id later (frame 19): the password sent here"
            ));
            let before = causes(vec![refused(code), client("a", Some("u"), 0, 1.0), client("a", Some("u"), 0, 9.0)]);
            assert!(before[0].contains("before (frame 11): the password sent here is another one or has expired"));
            let alone = causes(vec![refused(code), client("b", Some("v"), 0, 1.0), client("b", Some("u"), 5, 1.0)]);
            assert!(!alone.concat().contains("frame"), "{alone:?}");
        }
    }

    #[test]
    fn a_will_that_the_broker_does_not_take() {
        let willing = |topic: &str, code, second| {
            let mut session = client("a", None, code, second);
            let fingerprint = Some(topic.len() as u64);
            let will = WillFacts {
                topic: text(topic),
                qos: QoS::AT_MOST_ONCE,
                retain: false,
                delay_interval: None,
                fingerprint,
            };
            session.connect.as_mut().unwrap().will = Some(Box::new(will));
            session
        };
        let told = |others: Vec<Session>| {
            causes(std::iter::once(willing("denied/x", 5, 5.0)).chain(others).collect())[0].clone()
        };
        assert_eq!(
            told(vec![client("a", None, 0, 1.0)]),
            "The broker accepted this client without a user name before without a will (frame 11): the will of this connection, to “denied/x”, may not be allowed, or be too large."
        );
        assert!(told(vec![willing("ok", 0, 9.0)]).contains("later with a will to another topic (frame 19)"));
        assert!(told(vec![willing("denied/x", 0, 1.0)]).contains("its rules have changed since"));
    }

    #[test]
    fn a_client_id_that_is_accepted_with_another_name_is_right() {
        let told = causes(vec![client("a", Some("u"), 2, 5.0), client("a", Some("v"), 0, 1.0)]);
        assert!(told[0].starts_with("The broker accepted the same client id with the user name “v” (frame 11):"));
        let alone = causes(vec![client("a", Some("u"), 2, 5.0), client("b", Some("u"), 0, 1.0)]);
        assert!(alone[0].starts_with("The broker knows its clients"), "{alone:?}");
    }
}
