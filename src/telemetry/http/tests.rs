#![allow(clippy::unwrap_used)]

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

struct Server {
    address: SocketAddr,
    health: Health,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn start(health: Health, lifetime: Duration) -> Server {
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = Metrics::new("1.2.3", "2026-01-02T03:04:05Z".parse().unwrap());
    let stop = CancellationToken::new();
    let serving = serve_for(listener, health.clone(), metrics, stop.clone(), lifetime);
    let task = tokio::spawn(serving);
    Server { address, health, stop, task }
}

/// Status, headers and body, read until the server closes the connection.
async fn get(server: &Server, path: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: operator\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn it_is_ready_when_all_components_are() {
    let server = start(Health::new(&["caches", "lease"]), CONNECTION_TIMEOUT).await;
    server.health.set_ready("caches", true);
    let (status, _, body) = get(&server, "/readyz").await;
    assert_eq!((status, body.as_str()), (503, "caches: ok\nlease: not ready\n"));
    server.health.set_ready("lease", true);
    let (status, _, body) = get(&server, "/readyz").await;
    assert_eq!((status, body.as_str()), (200, "caches: ok\nlease: ok\n"));
    server.health.set_ready("caches", false);
    assert_eq!(get(&server, "/readyz").await.0, 503);
}

#[tokio::test]
async fn it_is_live_until_a_permanent_failure() {
    let server = start(Health::new(&["caches"]), CONNECTION_TIMEOUT).await;
    let (status, _, body) = get(&server, "/livez").await;
    assert_eq!((status, body.as_str()), (200, "ok\n"));
    server.health.fail("a controller ended");
    let (status, _, body) = get(&server, "/livez").await;
    assert_eq!((status, body.as_str()), (503, "a controller ended\n"));
}

#[tokio::test]
async fn a_hanging_main_loop_is_not_live_until_it_reports_again() {
    let health = Health::with_timeout(&[], Duration::from_millis(300));
    let server = start(health, CONNECTION_TIMEOUT).await;
    while get(&server, "/livez").await.0 == 200 {
        tokio::task::yield_now().await;
    }
    let (_, _, body) = get(&server, "/livez").await;
    assert_eq!(body, "the main loop hangs\n");
    server.health.beat();
    assert_eq!(get(&server, "/livez").await.0, 200);
}

#[tokio::test]
async fn metrics_come_with_their_content_type() {
    let server = start(Health::new(&[]), CONNECTION_TIMEOUT).await;
    let (status, head, body) = get(&server, "/metrics").await;
    assert_eq!(status, 200);
    assert!(head.contains(&format!("content-type: {CONTENT_TYPE}")), "{head}");
    assert!(head.contains("connection: close"), "{head}");
    assert!(body.contains("propensity_operator_leader 0\n"), "{body}");
    assert_eq!(get(&server, "/").await.2, "/livez\n/readyz\n/metrics\n");
    assert_eq!(get(&server, "/secrets").await.0, 404);
}

#[tokio::test]
async fn a_caller_that_sends_nothing_is_cut_off() {
    let server = start(Health::new(&[]), Duration::from_millis(50)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer));
    // Closed or reset: it ends in both cases.
    let _ = read.await.unwrap();
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn serving_ends_on_request_and_frees_the_address() {
    let server = start(Health::new(&[]), CONNECTION_TIMEOUT).await;
    assert_eq!(get(&server, "/livez").await.0, 200);
    server.stop.cancel();
    server.task.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn an_address_in_use_is_an_error_with_a_solution() {
    let first = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = listen(address).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("can't listen on {address} for probes and metrics; choose another address with --listen")
    );
    assert!(std::error::Error::source(&error).is_some());
}
