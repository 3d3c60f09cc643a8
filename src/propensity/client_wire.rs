//! What is sent over the network, and the errors that prove that nothing was sent.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::answer::{AnswerClass, ConnectFault};
use super::client::{Client, ClientError, ClientSettings};
use super::client_server::{Act, BODY, KEY, Server, base, create, http, settings};
use super::fault;
use crate::ledger::Evidence;

const OK: &str = r#"{"results":{"error":false}}"#;

fn no_connection(fault: ConnectFault) -> (AnswerClass, Evidence) {
    (AnswerClass::NoConnection(fault), Evidence::NothingSent)
}

/// An authority, and a server's certificate from it.
fn tls(name: &str) -> (Vec<u8>, TlsAcceptor) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    (authority.pem().into_bytes(), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn the_request_is_what_the_api_documents() {
    let server = Server::start(Act::Reply(http("200 OK", OK))).await;
    let client = Client::new(base(&format!("http://{}", server.address)), &settings(5000)).unwrap();
    create(&client, 5000, &[]).await;
    let requests = server.seen().requests;
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().map(str::to_ascii_lowercase).collect();
    assert_eq!(lines.remove(0), "post /create_contact_audience http/1.1");
    lines.sort();
    let expected = [
        "accept: */*".to_owned(),
        format!("content-length: {}", BODY.len()),
        "content-type: text/html".to_owned(),
        format!("host: {}", server.address),
        format!("user-agent: propensity-operator/{}", env!("CARGO_PKG_VERSION")),
        format!("workspace_api_key: {KEY}"),
    ];
    assert_eq!(lines, expected);
    assert_eq!(body, BODY);
}

#[tokio::test]
async fn no_connection_is_used_twice() {
    let server = Server::start(Act::ReplyThenSilence(http("200 OK", OK))).await;
    let client = Client::new(base(&format!("http://{}", server.address)), &settings(5000)).unwrap();
    for _ in 0..3 {
        assert_eq!(create(&client, 5000, &[]).await.class, AnswerClass::Created);
    }
    let seen = server.seen();
    assert_eq!((seen.connections, seen.requests.len()), (3, 3));
}

#[tokio::test]
async fn a_trusted_server_is_used_over_tls() {
    let (authority, acceptor) = tls("127.0.0.1");
    let server = Server::start_with(Act::Reply(http("200 OK", OK)), Some(acceptor)).await;
    let settings = ClientSettings { extra_roots: Some(authority), ..settings(5000) };
    let client = Client::new(base(&format!("https://{}", server.address)), &settings).unwrap();
    assert_eq!(create(&client, 5000, &[]).await.class, AnswerClass::Created);
    assert_eq!(server.seen().requests.len(), 1);
}

#[tokio::test]
async fn a_failed_tls_handshake_sends_nothing() {
    let (other_authority, _) = tls("127.0.0.1");
    let (authority, wrong_name) = tls("elsewhere.test");
    let (_, unknown) = tls("127.0.0.1");
    let table = [
        ("another name", authority, Some(wrong_name), Act::Reply(http("200 OK", OK)), ConnectFault::Tls),
        (
            "unknown authority",
            other_authority.clone(),
            Some(unknown),
            Act::Reply(http("200 OK", OK)),
            ConnectFault::Tls,
        ),
        ("closed", other_authority.clone(), None, Act::CloseBeforeReading, ConnectFault::Other),
        ("silence", other_authority, None, Act::Deaf, ConnectFault::Timeout),
    ];
    for (name, authority, acceptor, act, fault) in table {
        let server = Server::start_with(act, acceptor).await;
        let settings = ClientSettings { extra_roots: Some(authority), ..settings(300) };
        let client = Client::new(base(&format!("https://{}", server.address)), &settings).unwrap();
        let answer = create(&client, 5000, &[]).await;
        assert_eq!((answer.class, answer.class.evidence()), no_connection(fault), "{name}");
        let seen = server.seen();
        assert_eq!((seen.connections, seen.requests.len()), (1, 0), "{name}");
    }
}

#[tokio::test]
async fn a_server_without_tls_never_gets_the_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hello = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        all
    });
    let (authority, _) = tls("127.0.0.1");
    let settings = ClientSettings { extra_roots: Some(authority), ..settings(5000) };
    let client = Client::new(base(&format!("https://{address}")), &settings).unwrap();
    let answer = create(&client, 5000, &[]).await;
    assert_eq!((answer.class, answer.class.evidence()), no_connection(ConnectFault::Tls));
    let seen = String::from_utf8_lossy(&hello.await.unwrap()).into_owned();
    assert!(!seen.contains("POST") && !seen.contains(KEY));
}

#[tokio::test]
async fn a_refused_connection_sends_nothing() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for scheme in ["http", "https"] {
        let client = Client::new(base(&format!("{scheme}://{address}")), &settings(5000)).unwrap();
        let answer = create(&client, 5000, &[]).await;
        assert_eq!((answer.class, answer.class.evidence()), no_connection(ConnectFault::Refused), "{scheme}");
    }
}

#[tokio::test]
async fn an_unknown_host_name_sends_nothing() {
    let builder = Client::builder(&settings(20_000)).unwrap().no_proxy();
    let client = Client::build(base("https://nowhere.invalid"), builder).unwrap();
    let answer = create(&client, 30_000, &[]).await;
    assert_eq!((answer.class, answer.class.evidence()), no_connection(ConnectFault::Dns));
}

#[tokio::test]
async fn a_total_that_ends_while_connecting_proves_nothing() {
    let server = Server::start(Act::Deaf).await;
    let client = Client::new(base(&format!("https://{}", server.address)), &settings(5000)).unwrap();
    let answer = create(&client, 200, &[]).await;
    assert_eq!((answer.class, answer.class.evidence()), (AnswerClass::Timeout, Evidence::Unclear));
}

#[tokio::test]
async fn a_proxy_that_rejects_the_request_sends_nothing() {
    for reply in
        ["HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "nonsense\r\n\r\n", ""]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = reqwest::Proxy::https(format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let asked = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut all = vec![0; 4096];
            let count = stream.read(&mut all).await.unwrap();
            stream.write_all(reply.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&all[..count]).into_owned()
        });
        let builder = Client::builder(&settings(5000)).unwrap().proxy(proxy);
        let client = Client::build(base("https://nowhere.invalid"), builder).unwrap();
        let answer = create(&client, 5000, &[]).await;
        assert_eq!((answer.class, answer.class.evidence()), no_connection(ConnectFault::Other), "{reply}");
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("CONNECT nowhere.invalid:443") && !asked.contains(KEY), "{asked}");
    }
}

#[tokio::test]
async fn only_errors_of_the_connection_phase_prove_that_nothing_was_sent() {
    let server = Server::start(Act::ResetAfterReading).await;
    let http = Client::builder(&settings(5000)).unwrap().build().unwrap();
    let url = format!("http://{}/", server.address);
    let error = http.post(&url).body(BODY).send().await.unwrap_err();
    assert_eq!(fault::class_of(&error), AnswerClass::ConnectionLost);
    let slow = Server::start(Act::Silence).await;
    let url = format!("http://{}/", slow.address);
    let error = http.post(&url).body(BODY).timeout(Duration::from_millis(200)).send().await.unwrap_err();
    assert_eq!(fault::class_of(&error), AnswerClass::ConnectionLost, "a timeout after connecting");
}

#[test]
fn a_file_without_certificates_is_refused() {
    for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"] {
        let settings = ClientSettings { extra_roots: Some(pem.into()), ..settings(5000) };
        let error = Client::new(base("https://127.0.0.1"), &settings).unwrap_err();
        assert!(matches!(error, ClientError::BadRoots | ClientError::Setup), "{pem}: {error:?}");
    }
}

#[test]
fn nothing_public_shows_a_key_a_path_or_a_body() {
    let client = Client::new(base("http://127.0.0.1:1"), &settings(5000)).unwrap();
    let key = super::ApiKey::from_bytes(KEY.as_bytes()).unwrap();
    let create = super::Create {
        kind: crate::audience::Kind::Accounts,
        key: &key,
        body: BODY.as_bytes().to_vec(),
        total: Duration::from_secs(1),
        refused_statuses: &[],
        now: std::time::SystemTime::UNIX_EPOCH,
    };
    let shown = format!("{client:?} {create:?} {key:?} {:?}", key.id());
    assert!(!shown.to_lowercase().contains("canary") && !shown.contains("99, 97, 110"), "{shown}");
}
