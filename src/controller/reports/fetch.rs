//! The pages of a report, streamed into whatever takes their rows.

use std::io::{self, Read};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout_at;

use super::context::Context;
use crate::api::report::{PropensityReportSpec, ReportFormat};
use crate::clock::Stopwatch;
use crate::controller::decide::report::meaning;
use crate::controller::model::fetch::{Fault, PAGE_TIMEOUT};
use crate::propensity::{ApiKey, KeyId, ReportBody, ReportUrl};
use crate::report::Row;
use crate::sources::rows::{self, Layout, RowsError};
use crate::telemetry::metrics::Endpoint;

/// Pieces that may wait to be read.
const PIECES: usize = 8;

/// Takes the rows of a report.
pub trait Rows: Send + 'static {
    /// Takes a row.
    fn push(&mut self, row: &Row<'_>);
}

/// Reads all pages into what takes their rows, and returns that with the number of bytes.
pub async fn fetch<R: Rows>(
    ctx: &Arc<Context>,
    spec: &PropensityReportSpec,
    url: &ReportUrl,
    key: &ApiKey,
    mut serving: Vec<R>,
) -> (Vec<R>, Result<u64, Fault>) {
    let mut left = u64::from(spec.max_mib) << 20;
    let (mut bytes, mut before) = (0, None);
    let mut query = spec.query.clone();
    for number in 0_u32.. {
        if let Some(paging) = &spec.paging {
            if number == paging.max_pages {
                return (serving, Err(Fault::TooManyPages(number)));
            }
            let value = u64::from(paging.first) + u64::from(number) * u64::from(paging.step);
            query.insert(paging.parameter.clone(), value.to_string());
        }
        // The caller has the gate's permission for the first page.
        if number > 0 && !turn(ctx, key.id()).await {
            return (serving, Err(Fault::WorkspaceGone));
        }
        let stopwatch = Stopwatch::start();
        let asked = ctx.client.fetch(url, key, &query, ctx.process.clock.wall().into()).await;
        let (page, class) = match asked {
            Err(fault) => {
                let fault = Fault::from(fault);
                let class = meaning(&fault).outcome.as_str();
                (Err(fault), class)
            }
            Ok(pieces) => {
                let layout = layout(spec);
                let read = page(pieces, layout, left, serving).await;
                serving = read.0;
                let class = if read.1.is_ok() { "ok" } else { "unreadable" };
                (read.1, class)
            }
        };
        ctx.process.metrics.api_request(Endpoint::Report, class, stopwatch.elapsed());
        let page = match page {
            Ok(page) => page,
            // The user knows the limit of the whole report, not what was left for this page.
            Err(Fault::Rows(RowsError::TooLarge(_))) => {
                return (serving, Err(RowsError::TooLarge(u64::from(spec.max_mib) << 20).into()));
            }
            Err(fault) => return (serving, Err(fault)),
        };
        bytes += page.bytes;
        left = left.saturating_sub(page.bytes);
        let Some(paging) = &spec.paging else { return (serving, Ok(bytes)) };
        if page.rows == 0 || paging.page_rows.is_some_and(|full| page.rows < full) {
            return (serving, Ok(bytes));
        }
        if before.replace(page.digest) == Some(page.digest) {
            return (serving, Err(Fault::SamePage(number, number + 1)));
        }
    }
    (serving, Ok(bytes))
}

/// Waits until the key's rate limit has room that no create needs. False where no workspace uses the key any more.
async fn turn(ctx: &Context, key: KeyId) -> bool {
    loop {
        match ctx.creates.gates.ask_behind(key, ctx.process.clock.boottime()) {
            Some(Ok(())) => return true,
            Some(Err(until)) => ctx.process.clock.sleep_until(until).await,
            None => return false,
        }
    }
}

/// Numbers about a page.
struct Page {
    rows: u64,
    bytes: u64,
    digest: [u8; 32],
}

/// Reads a page while it arrives. The parser runs on a blocking thread, and ends when the answer ends or this future is
/// dropped.
async fn page<R: Rows>(
    mut pieces: ReportBody,
    layout: Layout,
    largest: u64,
    mut serving: Vec<R>,
) -> (Vec<R>, Result<Page, Fault>) {
    let (sender, receiver) = channel(PIECES);
    let parse = tokio::task::spawn_blocking(move || {
        let mut body = Body { receiver, piece: vec![], at: 0, is_over: false, hasher: Sha256::new() };
        let mut rows = 0;
        let read = rows::read(&mut body, &layout, largest, |row| {
            rows += 1;
            serving.iter_mut().for_each(|serving| serving.push(row));
        });
        let digest = body.hasher.finalize().into();
        (serving, read.map(|bytes| Page { rows, bytes, digest }))
    });
    let mut failed = None;
    let deadline = tokio::time::Instant::now() + PAGE_TIMEOUT;
    loop {
        let piece = match timeout_at(deadline, pieces.next()).await {
            Ok(piece) => piece.map_err(Fault::from),
            Err(_) => Err(Fault::TooSlow),
        };
        match piece {
            Ok(Some(piece)) if piece.is_empty() => {}
            Ok(Some(piece)) => {
                // The parser stopped early, for example at an error.
                if sender.send(Ok(piece)).await.is_err() {
                    break;
                }
            }
            Ok(None) => {
                let _ = sender.send(Ok(vec![])).await;
                break;
            }
            Err(fault) => {
                failed = Some(fault);
                let _ = sender.send(Err(())).await;
                break;
            }
        }
    }
    drop(sender);
    match parse.await {
        Ok((serving, Ok(page))) => (serving, failed.map_or(Ok(page), Err)),
        Ok((serving, Err(RowsError::Truncated))) => (serving, Err(failed.unwrap_or(RowsError::Truncated.into()))),
        Ok((serving, Err(error))) => (serving, Err(error.into())),
        Err(_) => (vec![], Err(RowsError::Truncated.into())),
    }
}

/// A body that comes piece by piece; an empty one ends it.
struct Body {
    receiver: Receiver<Result<Vec<u8>, ()>>,
    piece: Vec<u8>,
    at: usize,
    is_over: bool,
    hasher: Sha256,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_over {
            return Ok(0);
        }
        if self.at == self.piece.len() {
            // Without an end it was cut off.
            let piece = self.receiver.blocking_recv().and_then(Result::ok);
            self.piece = piece.ok_or(io::ErrorKind::UnexpectedEof)?;
            self.hasher.update(&self.piece);
            self.at = 0;
            self.is_over = self.piece.is_empty();
        }
        let many = buffer.len().min(self.piece.len() - self.at);
        buffer[..many].copy_from_slice(&self.piece[self.at..self.at + many]);
        self.at += many;
        Ok(many)
    }
}

fn layout(spec: &PropensityReportSpec) -> Layout {
    match spec.format {
        ReportFormat::Ndjson => Layout::Ndjson,
        ReportFormat::Csv => Layout::Csv,
        // RFC 6901.
        ReportFormat::Json => {
            Layout::Json(spec.rows.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect())
        }
    }
}
