//! The sandbox on a socket: requests become calls, answers become responses, and a fault can cut the connection.
//! Not here: how a TLS connection comes about (`tls`), and what a call means (`google`); nothing is decided on the socket.

use super::Sandbox;
use super::call::{Answer, Body, Call, Delivery};
use super::clock::rfc9110;
use super::control;
use super::state::Wire;
use super::tls::Tls;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use futures_util::StreamExt as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Largest body that is read.
const BODY_MOST: usize = 1 << 20;
/// The header that the metadata server asks for, and by which it is known.
const METADATA_FLAVOR: header::HeaderName = header::HeaderName::from_static("metadata-flavor");
/// Into how many pieces a body is cut that comes slowly.
const PIECES: usize = 8;
/// Pause after a failed accept (too many open files): let some close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// TLS handshakes at one time.
const HANDSHAKES_MOST: usize = 256;
/// How long answers under way may take once the sandbox is told to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// Google's routes and the sandbox's own.
pub fn router(sandbox: Sandbox) -> Router {
    control::routes().fallback(google).with_state(sandbox)
}

/// Serves until told to stop, then lets answers under way finish for a short while.
pub async fn serve(
    sandbox: Sandbox,
    listener: TcpListener,
    tls: Option<Tls>,
    stop: CancellationToken,
) -> io::Result<()> {
    let service = router(sandbox).into_make_service_with_connect_info::<Cut>();
    let stopping = stop.clone();
    let server =
        axum::serve(Links::new(listener, tls), service).with_graceful_shutdown(stopping.cancelled_owned());
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_PATIENCE).await;
    };
    tokio::select! {
        done = server.into_future() => done,
        () = patience => Ok(()),
    }
}

async fn google(State(sandbox): State<Sandbox>, request: Request) -> Response {
    let cut = request.extensions().get::<ConnectInfo<Cut>>().cloned();
    let kind = text(request.headers(), header::CONTENT_TYPE).unwrap_or_default();
    let call = match call_of(request).await {
        Ok(call) => call,
        Err(status) => return status.into_response(),
    };
    let latency = sandbox.lock().world.latency_ms;
    pause(latency).await;
    if super::batch::is_batch(&call.method, &call.path) {
        return answer_batch(&sandbox, &kind, &call).await;
    }
    let wire = sandbox.handle(&call);
    match wire {
        Wire::Answer(answer, delay) => {
            pause(delay).await;
            let mut response = response(answer);
            if let Ok(date) = HeaderValue::from_str(&rfc9110(sandbox.clock.now())) {
                response.headers_mut().insert(header::DATE, date);
            }
            response
        }
        Wire::Cut(delay) => {
            pause(delay).await;
            if let Some(ConnectInfo(cut)) = cut {
                cut.0.store(true, Ordering::Release);
            }
            // Goes nowhere on a socket; in process there is no connection to cut, and this stands for it.
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

/// Every call of a batch for itself. A fault that cuts the connection is a 502 for its call: the others have had their answers.
async fn answer_batch(sandbox: &Sandbox, kind: &str, outer: &Call) -> Response {
    let Some(items) = super::batch::split(kind, outer) else {
        return response(Answer::from(super::error::Refusal::new(
            400,
            "badRequest",
            "Failed to parse batch request",
        )));
    };
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        let (answer, delay) = match sandbox.handle(&item.call) {
            Wire::Answer(answer, delay) => (answer, delay),
            Wire::Cut(delay) => (Answer::html(502, "Bad Gateway"), delay),
        };
        pause(delay).await;
        answers.push((item.id, answer));
    }
    let (kind, body) = super::batch::join(&answers);
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

async fn pause(milliseconds: u64) {
    if milliseconds > 0 {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}

async fn call_of(request: Request) -> Result<Call, StatusCode> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_MOST).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let bearer = text(&head.headers, header::AUTHORIZATION)
        .and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    Ok(Call {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        bearer,
        host: text(&head.headers, header::HOST),
        metadata_flavor: text(&head.headers, METADATA_FLAVOR),
        body: body.to_vec(),
    })
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn response(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (kind, text) = match answer.body {
        Body::Empty => (None, String::new()),
        Body::Json(body) => (Some("application/json; charset=UTF-8"), body.to_string()),
        Body::Html(page) => (Some("text/html; charset=UTF-8"), page),
    };
    let mut response = (status, sent(text.into_bytes(), &answer.delivery)).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    let told = answer.delivery.content_type.as_deref().or(kind);
    if let Some(kind) = told.and_then(|kind| HeaderValue::from_str(kind).ok()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if answer.delivery.metadata_flavor {
        headers.insert(METADATA_FLAVOR, HeaderValue::from_static("Google"));
    }
    response
}

/// The body, whole and at once unless it is to drip or to break off.
fn sent(bytes: Vec<u8>, delivery: &Delivery) -> axum::body::Body {
    if delivery.drip_ms == 0 && !delivery.truncated {
        return bytes.into();
    }
    let drip = delivery.drip_ms;
    let size = bytes.len().div_ceil(PIECES).max(1);
    let mut pieces: Vec<io::Result<Vec<u8>>> = bytes.chunks(size).map(|piece| Ok(piece.to_vec())).collect();
    if delivery.truncated {
        pieces.truncate(PIECES / 2);
        // An error in the stream ends the connection before the body's end is told.
        pieces.push(Err(io::ErrorKind::ConnectionReset.into()));
    }
    let stream = futures_util::stream::iter(pieces).then(move |piece| async move {
        pause(drip).await;
        if piece.is_err() {
            // What went before leaves while this waits; else it would be thrown away with the connection.
            tokio::task::yield_now().await;
        }
        piece
    });
    axum::body::Body::from_stream(stream)
}

/// A listener whose connections can be cut. Over TLS a connection arrives when its handshake is done, and no other waits for it.
struct Links {
    listener: TcpListener,
    tls: Option<Tls>,
    handshakes: JoinSet<Option<(Stream, SocketAddr)>>,
}

impl Links {
    fn new(listener: TcpListener, tls: Option<Tls>) -> Self {
        Self { listener, tls, handshakes: JoinSet::new() }
    }

    /// The next connection that came, or whose handshake was done; none where that failed.
    async fn next(&mut self) -> Option<(Stream, SocketAddr)> {
        let may_begin = self.handshakes.len() < HANDSHAKES_MOST;
        tokio::select! {
            Some(done) = self.handshakes.join_next() => done.ok().flatten(),
            accepted = self.listener.accept(), if may_begin => if let Ok((stream, address)) = accepted {
                self.begin(stream, address)
            } else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            },
        }
    }

    fn begin(&mut self, stream: TcpStream, address: SocketAddr) -> Option<(Stream, SocketAddr)> {
        // Small answers must not wait for each other; where it fails they merely do.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.clone() else { return Some((Box::new(stream), address)) };
        self.handshakes.spawn(async move {
            let stream = tls.handshake(stream).await?;
            Some((Box::new(stream) as Stream, address))
        });
        None
    }
}

impl Listener for Links {
    type Io = Link;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Link, SocketAddr) {
        loop {
            if let Some((stream, address)) = self.next().await {
                return (Link { stream, cut: Cut::default() }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Set: the connection fails at its next write, so that its answer never leaves.
#[derive(Clone, Debug, Default)]
struct Cut(Arc<AtomicBool>);

impl Connected<IncomingStream<'_, Links>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Links>) -> Self {
        stream.io().cut.clone()
    }
}

/// What carries bytes both ways, with TLS around it or not.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

type Stream = Box<dyn Duplex>;

/// A connection.
struct Link {
    stream: Stream,
    cut: Cut,
}

impl Link {
    fn check(&self) -> io::Result<()> {
        if self.cut.0.load(Ordering::Acquire) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
