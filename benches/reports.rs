//! Benchmark: time and memory to summarise a report, and to match a thousand audiences with it. For comparison, the
//! same run parses the same JSON with only `serde_json` and keeps nothing.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a benchmark may fail")]

use std::hint::black_box;
use std::io::{self, Read};
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use propensity_operator::audience::{Field, Kind, Member};
use propensity_operator::report::{
    AudienceMatcher, Binding, ColumnFormat, DateFormat, EngagementResult, Group, Metric, NumberFormat, Operation, Plan,
    Ratio, Summariser, Summary,
};
use propensity_operator::sources::rows::{self, Layout};

const ROWS: usize = 100_000;
const AUDIENCES: usize = 1_000;
const MEMBERS: usize = 100;
const LARGEST: u64 = 1 << 30;

/// Rows of a report on accounts, generated while they are read.
struct Rows {
    left: usize,
    text: Vec<u8>,
    read: usize,
}

impl Rows {
    fn new(rows: usize) -> Self {
        Self { left: rows, text: b"[".to_vec(), read: 0 }
    }
}

impl Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.text.len() && self.left > 0 {
            let at = self.left;
            self.left -= 1;
            let end = if self.left == 0 { ']' } else { ',' };
            self.text = format!(
                concat!(
                    r#"{{"Account Domain":"www.account-{}.example.com","Account Name":"Account {at}","#,
                    r#""Campaign Name":"Campaign {}","Channel":"{}","Impressions":{},"Clicks":{},"#,
                    r#""Spend":"$1,{:03}.50","Engagement Score":{}.5,"Stage":"aware","Owner":null,"#,
                    r#""Tags":["a","b"],"Last Engaged":"2026-11-{:02}"}}{end}"#
                ),
                at % 50_000,
                at % 12,
                ["display", "video", "native"][at % 3],
                at % 1_000,
                at % 7,
                at % 1_000,
                at % 100,
                at % 28 + 1,
                at = at,
                end = end
            )
            .into_bytes();
            self.read = 0;
        }
        let many = buffer.len().min(self.text.len() - self.read);
        buffer[..many].copy_from_slice(&self.text[self.read..self.read + many]);
        self.read += many;
        Ok(many)
    }
}

fn plan() -> Plan {
    let metric = |name: &str, operation, column: &str| Metric {
        name: name.to_owned(),
        operation,
        column: Some(column.to_owned()),
        filters: vec![],
        group_by: None,
    };
    let channels = ["display", "video"].map(str::to_owned).to_vec();
    let dollars = NumberFormat { group: Some(','), prefix: "$".to_owned(), ..NumberFormat::default() };
    Plan {
        formats: [
            ("Spend".to_owned(), ColumnFormat::Number(dollars)),
            ("Last Engaged".to_owned(), ColumnFormat::Date(DateFormat("%Y-%m-%d".to_owned()))),
        ]
        .into(),
        metrics: vec![
            metric("impressions", Operation::Sum, "Impressions"),
            metric("clicks", Operation::Sum, "Clicks"),
            metric("accounts", Operation::Distinct, "Account Domain"),
            Metric {
                group_by: Some(Group { column: "Channel".to_owned(), values: channels }),
                ..metric("spend", Operation::Sum, "Spend")
            },
        ],
        ratios: vec![Ratio {
            name: "click_rate".to_owned(),
            numerator: "clicks".to_owned(),
            denominator: "impressions".to_owned(),
        }],
        newest: Some("Last Engaged".to_owned()),
    }
}

fn summarise(report: impl Read) -> Summary {
    let mut summariser = Summariser::new(Arc::new(Binding::new(plan()).unwrap()));
    rows::read(report, &Layout::Json(vec![]), LARGEST, |row| {
        summariser.push(row);
    })
    .unwrap();
    summariser.finish()
}

fn engage(report: impl Read) -> Vec<EngagementResult> {
    let mut binding = Binding::new(plan()).unwrap();
    let mut matching =
        AudienceMatcher::new(Kind::Accounts, vec![(Field::Website, "Account Domain".to_owned())], &mut binding);
    for audience in 0..AUDIENCES {
        let member =
            |number| Member::account(format!("account-{}.example.com", (audience * 37 + number * 499) % 60_000));
        matching.add(&binding, (0..MEMBERS).map(member));
    }
    matching.build_index();
    let binding = Arc::new(binding);
    let mut summariser = Summariser::new(Arc::clone(&binding));
    let mut number = 0;
    rows::read(report, &Layout::Json(vec![]), LARGEST, |row| {
        number += 1;
        let view = summariser.push(row);
        matching.push(&binding, number, &view);
    })
    .unwrap();
    matching.finish(&binding, |column| summariser.has_seen(column))
}

/// A value in MiB from `/proc/self/status`.
fn mib(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// The result of `work`, and its peak memory in MiB.
fn peak<T>(work: impl FnOnce() -> T) -> (T, f64) {
    // 5 resets the peak (`VmHWM`).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = mib("VmRSS");
    let made = black_box(work());
    (made, mib("VmHWM") - before)
}

fn reports(criterion: &mut Criterion) {
    let (summary, small) = peak(|| summarise(Rows::new(ROWS)));
    assert_eq!((summary.rows, summary.missing.len()), (ROWS as u64, 0));
    let (_, large) = peak(|| summarise(Rows::new(10 * ROWS)));
    let (engagement, matched) = peak(|| engage(Rows::new(ROWS)));
    assert!(engagement.len() == AUDIENCES && engagement.iter().all(|engagement| engagement.rows > 0));
    eprintln!(
        "memory: {small:.1} MiB for {ROWS} rows, {large:.1} MiB for ten times as many, \
         {matched:.1} MiB with {AUDIENCES} audiences of {MEMBERS}"
    );
    assert!(small < 64.0 && large < 64.0, "it takes too much memory");

    let mut text = vec![];
    Rows::new(ROWS).read_to_end(&mut text).unwrap();
    eprintln!("a report of {:.1} MB", text.len() as f64 / 1e6);
    let mut group = criterion.benchmark_group("100,000 rows");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(10);
    group.bench_function("summarised", |b| b.iter(|| black_box(summarise(black_box(&text[..])))));
    group.bench_function("and matched with 1,000 audiences of 100", |b| {
        b.iter(|| black_box(engage(black_box(&text[..]))));
    });
    let bare = || serde_json::from_slice::<serde::de::IgnoredAny>(black_box(&text)).unwrap();
    group.bench_function("bare serde_json", |b| b.iter(|| black_box(bare())));
    group.finish();
}

criterion_group!(benches, reports);
criterion_main!(benches);
