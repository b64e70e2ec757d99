use super::*;
use crate::capture::{FrameNumber, Timestamp};

fn at(frame: u64) -> Moment {
    Moment { frame: FrameNumber::new(frame), time: Timestamp(i64::try_from(frame).unwrap() * 1_000_000) }
}

fn publish(topic: &str) -> EventKind {
    EventKind::Publish {
        topic: Some(TextFact::new(topic.as_bytes())),
        qos: QoS(0),
        retain: false,
        dup: false,
        packet_identifier: None,
        payload_length: 10,
    }
}

#[test]
fn a_long_stretch_keeps_both_ends_and_counts_the_middle() {
    let mut timeline = Timeline::new(Detail::Folded, 100);
    timeline.push(at(1), Some(Side::Client), EventKind::Syn);
    for frame in 2..=1001 {
        timeline.push(at(frame), Some(Side::Client), publish("t"));
    }
    timeline.push(at(1002), Some(Side::Client), EventKind::Fin);
    timeline.finish(Vec::new());
    let events: Vec<_> = timeline.events().collect();
    assert_eq!(events.len(), 1 + VERBATIM + 1 + VERBATIM + 1);
    assert_eq!(events.iter().map(|event| event.count).sum::<u64>(), 1002);
    let run = events[1 + VERBATIM];
    assert_eq!(run.count, 1000 - 2 * VERBATIM as u64);
    assert_eq!((run.at.frame.get(), run.until.frame.get()), (6, 997));
    let EventKind::Publish { payload_length, .. } = &run.kind else { panic!("a run of PUBLISH") };
    assert_eq!(*payload_length, 10 * run.count);
}

#[test]
fn many_topics_are_counted_together_beyond_the_runs_told_apart() {
    let mut timeline = Timeline::new(Detail::Folded, 100);
    for frame in 0..2000 {
        timeline.push(at(frame), Some(Side::Client), publish(&format!("t/{}", frame % 100)));
    }
    timeline.finish(Vec::new());
    assert!(timeline.events().count() <= 2 * VERBATIM + RUNS + 1);
    assert_eq!(timeline.events().map(|event| event.count).sum::<u64>(), 2000);
}

#[test]
fn a_full_timeline_keeps_its_end_and_says_what_it_left_out() {
    let mut timeline = Timeline::new(Detail::Full, 10);
    for frame in 0..1000 {
        timeline.push(at(frame), Some(Side::Client), EventKind::Pingreq);
    }
    timeline.finish(Vec::new());
    let shown = timeline.events().count() as u64;
    assert_eq!(shown + timeline.left_out(), 1000);
    assert_eq!(timeline.events().last().unwrap().at.frame.get(), 999);
}

#[test]
fn connection_events_take_their_place() {
    let mut timeline = Timeline::new(Detail::Folded, 10);
    timeline.push(at(4), Some(Side::Client), publish("t"));
    timeline.finish(vec![
        Event { at: at(1), until: at(1), count: 1, side: Some(Side::Client), kind: EventKind::Syn },
        Event { at: at(9), until: at(9), count: 1, side: Some(Side::Server), kind: EventKind::Fin },
    ]);
    let frames: Vec<_> = timeline.events().map(|event| event.at.frame.get()).collect();
    assert_eq!(frames, [1, 4, 9]);
}
