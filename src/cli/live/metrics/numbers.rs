//! The numbers and their names, by the conventions of Prometheus.

use std::fmt::Error;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Seconds: from a local broker to one that is in trouble.
const LATENCIES: [f64; 14] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// How sessions ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Ended {
    pub(super) outcome: &'static str,
    pub(super) severity: &'static str,
}

/// What a CONNACK refused with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Refused {
    /// The version of MQTT, which says what a code means.
    pub(super) version: &'static str,
    /// As `0x87`.
    pub(super) code: String,
}

/// Messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Published {
    pub(super) sender: &'static str,
    pub(super) qos: &'static str,
}

/// Answers to messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Acknowledged {
    /// Of the message.
    pub(super) sender: &'static str,
    pub(super) packet: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// All that is counted.
#[derive(Debug)]
pub(super) struct Numbers {
    registry: Registry,
    pub(super) frames: Counter,
    pub(super) bytes: Counter,
    pub(super) dropped: Counter,
    pub(super) not_written: Counter,
    pub(super) connections: Gauge,
    pub(super) sessions: Gauge,
    pub(super) ended: Family<Ended, Counter>,
    pub(super) let_go: Counter,
    pub(super) refused: Family<Refused, Counter>,
    pub(super) reconnects: Counter,
    pub(super) published: Family<Published, Counter>,
    pub(super) payload: Family<Published, Counter>,
    pub(super) latency: Family<Acknowledged, Histogram>,
    memory: Gauge,
}

impl Numbers {
    pub(super) fn new() -> Numbers {
        let mut numbers = Numbers {
            registry: Registry::default(),
            frames: Counter::default(),
            bytes: Counter::default(),
            dropped: Counter::default(),
            not_written: Counter::default(),
            connections: Gauge::default(),
            sessions: Gauge::default(),
            ended: Family::default(),
            let_go: Counter::default(),
            refused: Family::default(),
            reconnects: Counter::default(),
            published: Family::default(),
            payload: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCIES)),
            memory: Gauge::default(),
        };
        numbers.name();
        numbers
    }

    fn name(&mut self) {
        let build: Family<Build, Gauge> = Family::default();
        build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
        let registry = &mut self.registry;
        registry.register("mqttcap_build_info", "Which mqttcap this is", build);
        registry.register("mqttcap_frames", "Frames captured", self.frames.clone());
        registry.register("mqttcap_frame_bytes", "Bytes captured", self.bytes.clone());
        registry.register(
            "mqttcap_frames_dropped",
            "Frames that the kernel or the interface let go because nobody took them in time",
            self.dropped.clone(),
        );
        registry.register(
            "mqttcap_frames_not_written",
            "Frames that could not be written to the files of --write",
            self.not_written.clone(),
        );
        registry.register("mqttcap_connections", "TCP connections that are followed", self.connections.clone());
        registry.register("mqttcap_sessions", "MQTT sessions that go on", self.sessions.clone());
        registry.register("mqttcap_sessions_ended", "MQTT sessions by how they ended", self.ended.clone());
        registry.register(
            "mqttcap_sessions_let_go",
            "MQTT sessions no longer followed because there were too many connections",
            self.let_go.clone(),
        );
        registry.register("mqttcap_connects_refused", "CONNACKs that refuse, by code", self.refused.clone());
        registry.register(
            "mqttcap_reconnects",
            "CONNECTs with a client id whose last packet came at most 60 seconds before",
            self.reconnects.clone(),
        );
        registry.register("mqttcap_publishes", "PUBLISH packets", self.published.clone());
        registry.register("mqttcap_publish_payload_bytes", "Bytes of PUBLISH payloads", self.payload.clone());
        registry.register_with_unit(
            "mqttcap_acknowledgment_latency",
            "Time from a PUBLISH to its PUBACK, PUBREC or PUBCOMP",
            Unit::Seconds,
            self.latency.clone(),
        );
        if memory().is_some() {
            registry.register("process_resident_memory_bytes", "Resident memory of mqttcap", self.memory.clone());
        }
    }

    /// As `OpenMetrics` text.
    pub(super) fn encoded(&self) -> Result<String, Error> {
        if let Some(bytes) = memory() {
            self.memory.set(bytes);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Resident memory in bytes, where the system tells it (proc(5)).
#[allow(clippy::disallowed_methods)] // the edge
fn memory() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
