//! A test server of raw sockets: it counts what arrives and answers as configured.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::answer::Answer;
use super::client::{Client, ClientSettings, Create};
use super::endpoint::{AllowedHosts, BaseUrl};
use super::key::ApiKey;
use crate::audience::Kind;

pub(super) const BODY: &str = r#"{"contacts":[{"first_name":"Canaryfirst","email":"canary@mail.test"}]}"#;
pub(super) const KEY: &str = "canary-key";

/// What the server does with a connection.
#[derive(Clone)]
pub(super) enum Act {
    /// Reads the request, writes these bytes and closes.
    Reply(String),
    /// Reads the request and resets the connection.
    ResetAfterReading,
    /// Resets the connection without reading from it.
    ResetBeforeReading,
    /// Closes the connection at once.
    CloseBeforeReading,
    /// Reads the request and doesn't answer.
    Silence,
    /// Reads the request, writes these bytes and nothing more.
    ReplyThenSilence(String),
    /// Reads the request, writes this head and then an endless body.
    Endless(String),
    /// Accepts the connection and neither reads nor writes.
    Deaf,
}

/// What arrived.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) connections: usize,
    /// The whole requests.
    pub(super) requests: Vec<String>,
    pub(super) bytes: usize,
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub(super) async fn start(act: Act) -> Self {
        Self::start_with(act, None).await
    }

    pub(super) async fn start_with(act: Act, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                let (act, tls, seen) = (act.clone(), tls.clone(), shared.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve_plain(stream, act, &seen).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                let _ = serve(stream, act, &seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, seen }
    }

    pub(super) fn seen(&self) -> Seen {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn serve_plain(mut stream: TcpStream, act: Act, seen: &Mutex<Seen>) {
    match act {
        Act::CloseBeforeReading => {}
        Act::ResetBeforeReading => {
            tokio::time::sleep(Duration::from_millis(50)).await; // else the client may never see the connection
            stream.set_zero_linger().unwrap();
        }
        Act::ResetAfterReading => {
            let _ = read_request(&mut stream, seen).await;
            stream.set_zero_linger().unwrap();
        }
        act => drop(serve(stream, act, seen).await),
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, act: Act, seen: &Mutex<Seen>) -> std::io::Result<()> {
    if matches!(act, Act::Deaf) {
        std::future::pending::<()>().await;
    }
    read_request(&mut stream, seen).await?;
    match act {
        Act::Reply(text) => {
            stream.write_all(text.as_bytes()).await?;
            stream.shutdown().await?;
        }
        Act::ReplyThenSilence(text) => {
            stream.write_all(text.as_bytes()).await?;
            stream.flush().await?;
            std::future::pending::<()>().await;
        }
        Act::Endless(head) => {
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
        _ => std::future::pending::<()>().await,
    }
    Ok(())
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S, seen: &Mutex<Seen>) -> std::io::Result<()> {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).await?;
        seen.lock().unwrap().bytes += count;
        text.extend_from_slice(&chunk[..count]);
        if count == 0 {
            return Ok(());
        }
        let whole = String::from_utf8_lossy(&text);
        if whole.ends_with(BODY) {
            seen.lock().unwrap().requests.push(whole.into_owned());
            return Ok(());
        }
    }
}

/// A response with the right content length.
pub(super) fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

pub(super) fn settings(connect: u64) -> ClientSettings {
    let _ = rustls::crypto::ring::default_provider().install_default();
    ClientSettings { connect_timeout: Duration::from_millis(connect), extra_roots: None }
}

pub(super) fn base(url: &str) -> BaseUrl {
    BaseUrl::parse(url, &AllowedHosts::parse(["nowhere.invalid"]).unwrap()).unwrap()
}

/// Sends the create request of these tests.
pub(super) async fn create(client: &Client, total: u64, refused_statuses: &[u16]) -> Answer {
    let create = Create {
        kind: Kind::Contacts,
        key: &ApiKey::from_bytes(KEY.as_bytes()).unwrap(),
        body: BODY.as_bytes().to_vec(),
        total: Duration::from_millis(total),
        refused_statuses,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777), // Sun, 06 Nov 1994 08:49:37 GMT
    };
    client.create(create).await
}
