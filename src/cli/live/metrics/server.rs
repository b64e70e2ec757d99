//! The page `/metrics`, served by a thread of its own.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use tiny_http::{Header, Method, Request, Response, Server};

use super::numbers::Numbers;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers for as long as the program runs.
pub(super) fn serve(listener: TcpListener, numbers: Arc<Numbers>) -> io::Result<()> {
    let server = Server::from_listener(listener, None).map_err(io::Error::other)?;
    std::thread::Builder::new().name("metrics".into()).spawn(move || {
        for request in server.incoming_requests() {
            // Whoever asked and went away needs no answer.
            let _ = answer(request, &numbers);
        }
    })?;
    Ok(())
}

fn answer(request: Request, numbers: &Numbers) -> io::Result<()> {
    let path = request.url().split('?').next().unwrap_or_default();
    if !matches!(request.method(), Method::Get | Method::Head) {
        return request.respond(Response::from_string("only GET\n").with_status_code(405));
    }
    if path != "/metrics" {
        return request.respond(Response::from_string("metrics are at /metrics\n").with_status_code(404));
    }
    let Ok(text) = numbers.encoded() else {
        return request.respond(Response::from_string("cannot write the metrics\n").with_status_code(500));
    };
    let mut response = Response::from_string(text);
    if let Ok(kind) = Header::from_bytes("Content-Type", OPEN_METRICS) {
        response.add_header(kind);
    }
    request.respond(response)
}
