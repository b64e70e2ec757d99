//! The command line as it is typed.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::bounds::Bounds;

/// Commands, to tell `mqttcap FILE` from `mqttcap read FILE`.
const COMMANDS: [&str; 9] = ["read", "packets", "show", "browse", "live", "interfaces", "explain", "schema", "help"];

#[derive(Debug, Parser)]
#[command(
    name = "mqttcap",
    version,
    about = "Reads a packet capture and says in plain words how each MQTT session ended, and why.",
    after_help = "\
Examples:
  mqttcap trace.pcap                     all sessions, and what went wrong
  mqttcap read *.pcapng --only problems  rotated files read as one capture
  mqttcap show trace.pcap -s 3           session 3, packet by packet
  mqttcap packets trace.pcap             every control packet
  mqttcap live -i br0                    as it happens on a gateway
  mqttcap explain 0x87                   what a code means and what to do
  mqttcap explain rc=-2 --client PubSubClient

`mqttcap FILE` is short for `mqttcap read FILE`. `-` reads standard input.
Exit status: 0 analysed, 1 --fail-on matched, 2 could not analyse."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the sessions of a capture and explain each that went wrong
    Read(Read),
    /// List every MQTT control packet, a line or a JSON object each
    Packets(Packets),
    /// Show one session packet by packet, with findings and evidence
    Show(Show),
    /// Look through the sessions of a capture on the full screen
    #[cfg(feature = "tui")]
    Browse(Browse),
    /// Capture on an interface: tell each session as it ends, then report as `read` does
    #[cfg(feature = "live")]
    Live(Box<Live>),
    /// List the interfaces that can be captured on
    #[cfg(feature = "live")]
    Interfaces(Interfaces),
    /// Explain a reason code, a return code, a client's code, or an id of a report
    Explain(Explain),
    /// Print the JSON Schema of `read --format json`, or of a line of `packets --format ndjson`
    Schema(Schema),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mqttcap read trace.pcap --client 'sensor-*'
  mqttcap read trace.pcap --format json --output report.json
  mqttcap read trace.pcap --quiet --fail-on error || echo 'something went wrong'
  tcpdump -w - -i eth0 port 1883 | mqttcap read -
  mqttcap read --follow trace.pcap")]
pub(super) struct Read {
    #[command(flatten)]
    pub(super) input: Input,
    /// Show only sessions that went wrong
    #[arg(long, value_name = "WHICH")]
    pub(super) only: Option<Only>,
    /// Show only sessions whose client id matches
    #[arg(long, value_name = "GLOB")]
    pub(super) client: Option<String>,
    /// Show only sessions of this client or server address
    #[arg(long, value_name = "ADDR")]
    pub(super) host: Option<IpAddr>,
    /// How to write the report
    #[arg(long, value_enum, default_value_t = ReadFormat::Table, value_name = "FORMAT")]
    pub(super) format: ReadFormat,
    /// Exit with status 1 if a shown session ended with this severity or a worse one, or has this outcome or finding
    #[arg(long, value_name = "SEVERITY|ID", value_delimiter = ',')]
    pub(super) fail_on: Vec<String>,
    /// Print no report: for --fail-on
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// List and explain every session, also those without trouble
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Read on while the file is written, and in the files rotated after it: tell each session as it ends, as `live` does
    #[cfg(feature = "live")]
    #[arg(long, conflicts_with_all = ["client", "host", "fail_on", "quiet", "verbose", "bpf"])]
    pub(super) follow: bool,
    #[command(flatten)]
    pub(super) look: Look,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mqttcap packets trace.pcap
  mqttcap packets trace.pcap --show-payload
  mqttcap packets trace.pcap --client 'sensor-*' --format ndjson --show-payload=64
  mqttcap packets trace.pcap --format ndjson | jq 'select(.type == \"CONNACK\")'
  tcpdump -U -w - -i eth0 port 1883 | mqttcap packets -

Packets that the capture ends in the middle of are not listed. Files are read twice, to number the
sessions as `read` does; standard input cannot be, so its packets have no session number, and those
before a connection is known to be MQTT are left out.

--show-payload decodes JSON, CBOR, MessagePack, protobuf (field numbers) and Sparkplug B. Content Type,
Payload Format Indicator and topic lead; a format found in the bytes alone is said to be a guess, and
anything else is shown in hexadecimal. Passwords and authentication data are hidden without --show-secrets.")]
pub(super) struct Packets {
    #[command(flatten)]
    pub(super) input: Input,
    /// Show only packets of sessions whose client id matches
    #[arg(long, value_name = "GLOB")]
    pub(super) client: Option<String>,
    /// Show only packets of this client or server address
    #[arg(long, value_name = "ADDR")]
    pub(super) host: Option<IpAddr>,
    /// How to write them
    #[arg(long, value_enum, default_value_t = PacketsFormat::Table, value_name = "FORMAT")]
    pub(super) format: PacketsFormat,
    /// Show payloads of PUBLISH and wills too, decoded, at most so many bytes of each [default: 1024]
    #[arg(long, value_name = "BYTES", num_args = 0..=1, require_equals = true, default_missing_value = "1024")]
    pub(super) show_payload: Option<usize>,
    /// Show passwords and authentication data too
    #[arg(long)]
    pub(super) show_secrets: bool,
    /// Read on while the file is written, and in the files rotated after it, as from standard input
    #[cfg(feature = "live")]
    #[arg(long, conflicts_with_all = ["client", "host", "bpf"])]
    pub(super) follow: bool,
    #[command(flatten)]
    pub(super) look: Look,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    pub(super) input: Input,
    /// Number of the session, as `mqttcap read` lists it
    #[arg(short, long, value_name = "N")]
    pub(super) session: u64,
    /// The address that `read --host` was given, if it was: what it looks up in vain may be a session more
    #[arg(long, value_name = "ADDR")]
    pub(super) host: Option<IpAddr>,
    /// How to write it
    #[arg(long, value_enum, default_value_t = ShowFormat::Table, value_name = "FORMAT")]
    pub(super) format: ShowFormat,
    #[command(flatten)]
    pub(super) look: Look,
}

#[cfg(feature = "tui")]
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mqttcap browse trace.pcap

Keys: arrows move, Enter opens a session, / searches, f shows only what went wrong, s sorts, ? tells all, q quits.")]
pub(super) struct Browse {
    #[command(flatten)]
    pub(super) input: Input,
    #[command(flatten)]
    pub(super) look: Look,
}

#[cfg(feature = "live")]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo mqttcap live -i br0
  mqttcap live -i lan0,lan1 --only-port 1883,8883
  mqttcap live -i eth0 --seconds 600 --only problems --output night.txt
  mqttcap live -i br0 -w trace.pcapng --rotate-size 100MiB --keep 20
  mqttcap live -i br0 --on-problem /var/lib/mqttcap --metrics 9464

Without sudo: sudo setcap cap_net_raw=eip $(command -v mqttcap)
Started by root it goes on as `nobody`, and in any case with the right to capture only.
SIGHUP opens --output and --write anew. An interface that goes away is waited for.")]
pub(super) struct Live {
    #[command(flatten)]
    pub(super) capture: super::capture::CaptureOn,
    #[command(flatten)]
    pub(super) rights: super::service::Rights,
    #[command(flatten)]
    pub(super) keeping: super::keeping::Keeping,
    /// End after so many seconds instead of on Ctrl-C
    #[arg(long, value_name = "N")]
    pub(super) seconds: Option<u64>,
    /// Tell only sessions that went wrong
    #[arg(long, value_name = "WHICH")]
    pub(super) only: Option<Only>,
    /// How to tell
    #[arg(long, value_enum, default_value_t = LiveFormat::Table, value_name = "FORMAT")]
    pub(super) format: LiveFormat,
    /// Show sessions on the full screen, as `browse` does
    #[cfg(feature = "tui")]
    #[arg(long, conflicts_with_all = ["format", "output", "only"])]
    pub(super) tui: bool,
    /// Take this server port for MQTT even where only connection attempts were seen (repeatable)
    #[arg(long = "port", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) ports: Vec<u16>,
    #[command(flatten)]
    pub(super) bounds: Bounds,
    /// Tell times in UTC instead of local time
    #[arg(long)]
    pub(super) utc: bool,
    #[command(flatten)]
    pub(super) look: Look,
}

#[cfg(feature = "live")]
impl Live {
    /// Whether the terminal is taken over.
    pub(super) fn is_full_screen(&self) -> bool {
        #[cfg(feature = "tui")]
        return self.tui;
        #[cfg(not(feature = "tui"))]
        false
    }
}

#[cfg(feature = "live")]
#[derive(Debug, Args)]
pub(super) struct Interfaces {
    /// How to write the list
    #[arg(long, value_enum, default_value_t = ListFormat::Table, value_name = "FORMAT")]
    pub(super) format: ListFormat,
    #[command(flatten)]
    pub(super) look: Look,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A code (0x87, 135, rc=5, rc=-2) or an id (session-taken-over); without it, all are listed
    #[arg(allow_hyphen_values = true)]
    pub(super) what: Option<String>,
    /// The client library that printed the code
    #[arg(long, value_name = "NAME")]
    pub(super) client: Option<String>,
    #[command(flatten)]
    pub(super) look: Look,
}

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// The output that is described
    #[arg(value_enum, default_value_t = Described::Read, value_name = "WHAT")]
    pub(super) what: Described,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "PATH")]
    pub(super) output: Option<PathBuf>,
}

/// What is read.
#[derive(Debug, Args)]
pub(super) struct Input {
    /// pcap or pcapng files; several are read as one capture; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Take this server port for MQTT even where only connection attempts were seen (repeatable)
    #[arg(long = "port", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) ports: Vec<u16>,
    /// Read only frames that this filter of libpcap lets pass, as tcpdump takes it: 'host 10.0.0.11'
    #[cfg(feature = "live")]
    #[arg(long, value_name = "EXPR")]
    pub(super) bpf: Option<String>,
    #[command(flatten)]
    pub(super) bounds: Bounds,
    /// Work with so many threads; what is told is the same [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
    /// Tell times in UTC instead of local time
    #[arg(long)]
    pub(super) utc: bool,
}

/// How it looks and where it goes.
#[derive(Debug, Args)]
pub(super) struct Look {
    /// Write to a file instead of standard output
    #[arg(long, value_name = "PATH")]
    pub(super) output: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(super) color: Color,
    /// Use only ASCII characters
    #[arg(long)]
    pub(super) ascii: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Described {
    /// The document of `read --format json`
    Read,
    /// A line of `packets --format ndjson`
    Packets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Only {
    /// Sessions that went wrong
    Problems,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReadFormat {
    /// For people
    Table,
    /// One document
    Json,
    /// One session a line, then a summary
    Ndjson,
}

#[cfg(feature = "live")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LiveFormat {
    /// For people: a line for each session as it ends and for each finding, then the report
    Table,
    /// For programs: a JSON object a line for each session as it ends and for each finding, then a summary
    Ndjson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PacketsFormat {
    /// For people, a line each
    Table,
    /// For programs, a JSON object each
    Ndjson,
}

#[cfg(feature = "live")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
    /// For people, a line each
    Table,
    /// One document
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ShowFormat {
    /// For people
    Table,
    /// A document with this session only
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The arguments of the process, with the command that may be left out.
pub(super) fn with_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let helps = ["-h", "--help", "-V", "--version"];
    let named = |argument: &OsString| {
        let is = |names: &[&str]| names.iter().any(|name| argument == name);
        is(&COMMANDS) || is(&helps)
    };
    if arguments.get(1).is_some_and(|argument| !named(argument)) {
        arguments.insert(1, "read".into());
    }
    arguments
}
