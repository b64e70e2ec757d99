//! Messages through a broker, as MQTT 5.0 §3.3, §3.8 and §4.7 let them go.

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::capture::FrameNumber;
use crate::mqtt::ReasonCode;

const SECOND: i64 = 1_000_000_000;
const SERVER: Endpoint = Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5)), port: 1883 };

fn at(milliseconds: i64) -> Moment {
    Moment {
        frame: FrameNumber::new(1 + u64::try_from(milliseconds).unwrap()),
        time: Timestamp(milliseconds * 1_000_000),
    }
}

fn passing(milliseconds: i64, topic: &str, content: u64, qos: u8) -> Passing {
    Passing {
        at: at(milliseconds),
        topic: TextFact::new(topic.as_bytes()),
        fingerprint: content,
        qos: QoS(qos),
        retain: false,
        dup: false,
        packet_identifier: (qos > 0).then_some(1),
        payload: 100,
    }
}

fn subscription(filter: &str, options: u8, granted: i64, code: u8) -> Subscription {
    Subscription {
        filter: TextFact::new(filter.as_bytes()),
        options,
        asked: at(granted),
        answer: Some((at(granted), ReasonCode(code))),
        reason_string: None,
        ended: None,
    }
}

fn post() -> Post {
    Post::new(&Limits::default())
}

/// Publishes with QoS 1 at 1 s, acknowledged; answers who missed it when 20 s have passed.
fn missed(mut post: Post, topic: &str, change: impl FnOnce(&mut Post)) -> Vec<u32> {
    post.collect(1, SERVER, passing(1000, topic, 7, 1));
    post.taken(1, 1);
    change(&mut post);
    post.finish(Timestamp(20 * SECOND)).missed.iter().map(|missed| missed.subscriber).collect()
}

#[test]
fn a_message_goes_to_all_its_subscribers() {
    let mut post = post();
    post.collect(1, SERVER, passing(0, "a", 7, 1));
    post.deliver(2, SERVER.address, &passing(3, "a", 7, 0));
    post.deliver(3, SERVER.address, &passing(5, "a", 7, 1));
    let traffic = post.finish(Timestamp(SECOND));
    let routes: Vec<_> =
        traffic.routes.iter().map(|route| (route.publisher, route.subscriber, route.messages)).collect();
    assert_eq!(routes, [(1, 2, 1), (1, 3, 1)]);
    assert_eq!(traffic.routes[1].latency.median(), Some(5_000_000));
    assert!(traffic.strays.is_empty() && traffic.missed.is_empty());
}

#[test]
fn other_content_another_topic_or_another_broker_is_another_message() {
    let mut post = post();
    post.collect(1, SERVER, passing(0, "a", 7, 0));
    post.deliver(2, SERVER.address, &passing(1, "a", 8, 0));
    post.deliver(2, SERVER.address, &passing(1, "b", 7, 0));
    post.deliver(2, IpAddr::V4(Ipv4Addr::new(10, 0, 0, 6)), &passing(1, "a", 7, 0));
    let traffic = post.finish(Timestamp(SECOND));
    assert!(traffic.routes.is_empty());
    assert_eq!(traffic.strays, [Strays { subscriber: 2, messages: 3, retained: 0 }]);
}

#[test]
fn equal_messages_are_told_apart_by_their_order() {
    let mut post = post();
    for round in 0..3 {
        post.collect(1, SERVER, passing(round * 1000, "a", 7, 0));
        post.deliver(2, SERVER.address, &passing(round * 1000 + 4, "a", 7, 0));
    }
    let traffic = post.finish(Timestamp(9 * SECOND));
    let route = &traffic.routes[0];
    assert_eq!((route.messages, route.ambiguous), (3, 0));
    assert_eq!((route.latency.count, route.latency.most), (3, 4_000_000));
}

#[test]
fn the_same_from_two_publishers_is_ambiguous_and_not_measured() {
    let mut post = post();
    post.collect(1, SERVER, passing(0, "a", 7, 0));
    post.collect(4, SERVER, passing(1, "a", 7, 0));
    post.deliver(2, SERVER.address, &passing(2, "a", 7, 0));
    let traffic = post.finish(Timestamp(SECOND));
    assert_eq!((traffic.routes[0].ambiguous, traffic.routes[0].latency.count), (1, 0));
}

#[test]
fn a_copy_of_what_was_delivered_is_no_message_from_nowhere() {
    let mut post = post();
    post.collect(1, SERVER, passing(0, "a", 7, 1));
    post.deliver(2, SERVER.address, &passing(1, "a", 7, 1));
    post.deliver(2, SERVER.address, &Passing { dup: true, ..passing(900, "a", 7, 1) });
    let traffic = post.finish(Timestamp(SECOND));
    assert_eq!(traffic.routes[0].messages, 1);
    assert!(traffic.strays.is_empty());
}

#[test]
fn retained_messages_have_their_publisher_and_no_latency() {
    let mut post = post();
    post.collect(1, SERVER, Passing { retain: true, ..passing(0, "a", 7, 0) });
    post.deliver(2, SERVER.address, &Passing { retain: true, ..passing(5000, "a", 7, 0) });
    // Retained before the capture began.
    post.deliver(2, SERVER.address, &Passing { retain: true, ..passing(5000, "b", 7, 0) });
    let traffic = post.finish(Timestamp(9 * SECOND));
    let route = &traffic.routes[0];
    assert_eq!((route.messages, route.retained, route.latency.count), (0, 1, 0));
    assert_eq!(traffic.strays, [Strays { subscriber: 2, messages: 1, retained: 1 }]);
}

#[test]
fn a_will_is_what_nobody_published() {
    let mut post = post();
    post.will(3, SERVER.address, 7);
    post.will(4, SERVER.address, 8);
    post.collect(1, SERVER, passing(0, "a", 8, 0));
    post.deliver(2, SERVER.address, &passing(1, "a", 7, 0));
    post.deliver(2, SERVER.address, &passing(1, "a", 8, 0));
    let traffic = post.finish(Timestamp(SECOND));
    let wills: Vec<_> = traffic.wills.iter().map(|will| (will.authors.clone(), will.subscriber)).collect();
    assert_eq!(wills, [(vec![3], 2)]);
}

#[test]
fn a_subscriber_that_gets_nothing_is_missed() {
    for (filter, topic, owed) in [
        ("a/#", "a/b", true),
        ("a/+", "a/b", true),
        ("a/b", "a/b", true),
        ("a", "a/b", false),
        ("#", "$SYS/x", false),
        ("$share/group/a/b", "a/b", false),
    ] {
        let mut post = post();
        post.subscribed(2, SERVER, &[subscription(filter, 1, 0, 1)]);
        assert_eq!(missed(post, topic, |_| {}) == [2], owed, "{filter} {topic}");
    }
}

#[test]
fn the_smallest_of_what_was_missed_is_kept() {
    let mut post = post();
    post.subscribed(2, SERVER, &[subscription("a", 1, 0, 1)]);
    for (second, payload) in [(1, 300), (2, 200), (3, 400)] {
        post.collect(1, SERVER, Passing { payload, ..passing(second * 1000, "a", payload.into(), 1) });
        post.taken(1, 1);
    }
    let missed = post.finish(Timestamp(20 * SECOND)).missed;
    assert_eq!(missed.iter().map(|missed| (missed.messages, missed.smallest)).collect::<Vec<_>>(), [(3, 200)]);
}

#[test]
fn messages_that_go_round_between_two_brokers() {
    let other = Endpoint { port: SERVER.port + 1, ..SERVER };
    let rounds = |to: Endpoint, contents: [u64; 5]| {
        let mut post = post();
        for (step, content) in (0..).zip(contents) {
            let (stream, server) = if step % 2 == 0 { (1, SERVER) } else { (2, to) };
            post.collect(stream, server, passing(step * 10, "a", content, 0));
        }
        post.finish(Timestamp(SECOND)).rounds.iter().map(|rounds| (rounds.streams, rounds.count)).collect::<Vec<_>>()
    };
    assert_eq!(rounds(other, [7; 5]), [((1, 2), 2)]);
    // Two publishers at one broker, and other contents.
    assert!(rounds(SERVER, [7; 5]).is_empty());
    assert!(rounds(other, [7, 7, 8, 8, 9]).is_empty());
}

#[test]
fn nobody_is_missed_who_may_do_without() {
    let subscribed = |one: Subscription| {
        let mut post = post();
        post.subscribed(2, SERVER, &[one]);
        post
    };
    let a = || subscription("a", 1, 0, 1);
    assert_eq!(missed(subscribed(a()), "a", |_| {}), [2]);
    // Granted QoS 0, denied, granted too late, or ended.
    assert!(missed(subscribed(subscription("a", 1, 0, 0)), "a", |_| {}).is_empty());
    assert!(missed(subscribed(subscription("a", 1, 0, 0x87)), "a", |_| {}).is_empty());
    assert!(missed(subscribed(subscription("a", 1, 999, 1)), "a", |_| {}).is_empty());
    assert!(missed(subscribed(Subscription { ended: Some(at(2000)), ..a() }), "a", |_| {}).is_empty());
    // It got it, or something that may be it, or left soon after.
    let server = SERVER.address;
    assert!(missed(subscribed(a()), "a", |post| post.deliver(2, server, &passing(1001, "a", 7, 1))).is_empty());
    assert!(missed(subscribed(a()), "a", |post| post.deliver(2, server, &passing(1001, "z", 9, 1))).is_empty());
    assert!(missed(subscribed(a()), "a", |post| post.closed(2, at(3000))).is_empty());
    // Another port is another broker; nobody acknowledged it; its own message with No Local.
    let mut elsewhere = post();
    elsewhere.subscribed(2, Endpoint { port: 1884, ..SERVER }, &[a()]);
    assert!(missed(elsewhere, "a", |_| {}).is_empty());
    let mut unacknowledged = subscribed(a());
    unacknowledged.collect(1, SERVER, passing(1000, "a", 7, 1));
    assert!(unacknowledged.finish(Timestamp(20 * SECOND)).missed.is_empty());
    let mut own = post();
    own.subscribed(1, SERVER, &[subscription("a", 0b101, 0, 1)]);
    assert!(missed(own, "a", |_| {}).is_empty());
}

#[test]
fn beyond_the_limit_nothing_is_followed_and_nobody_missed() {
    let mut post = Post::new(&Limits { followed_messages: 1, ..Limits::default() });
    post.subscribed(2, SERVER, &[subscription("a", 1, 0, 1)]);
    post.collect(1, SERVER, passing(1000, "a", 7, 1));
    post.taken(1, 1);
    post.deliver(2, SERVER.address, &passing(1001, "a", 7, 1));
    assert!(!post.is_open());
    let traffic = post.finish(Timestamp(20 * SECOND));
    assert_eq!(traffic.stopped, Some(at(1001)));
    assert!(traffic.routes.is_empty() && traffic.missed.is_empty());
}

#[test]
fn what_is_remembered_is_bounded() {
    let limits = Limits { recent_messages: 10, routes: 5, ..Limits::default() };
    let mut post = Post::new(&limits);
    for number in 0..100_u32 {
        post.will(number, SERVER.address, u64::from(number));
        post.collect(number, SERVER, passing(i64::from(number), "a", u64::from(number) + 1000, 0));
        post.deliver(500 + number, SERVER.address, &passing(i64::from(number), "a", u64::from(number) + 1000, 0));
    }
    let traffic = post.finish(Timestamp(SECOND));
    assert_eq!((traffic.routes.len(), traffic.left_out), (5, 95));
}
