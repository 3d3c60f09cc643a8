//! Benchmark: a CSV file of contacts is parsed, normalised, deduplicated and hashed. For comparison, the same run
//! parses the same bytes with only the `csv` crate and hashes them with SHA-256.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a benchmark may fail")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use propensity_operator::audience::{Kind, Member, Normalised, Normaliser, Suppression};
use propensity_operator::sources::table::{self, Columns, Format};
use sha2::{Digest as _, Sha256};

const CONTACTS: usize = 100_000;

/// Contacts as a CRM exports them: all fields, not in normal form, and one of a hundred is a duplicate.
fn contacts() -> Vec<u8> {
    let mut csv = String::from("First Name,Last Name,Company,Website,Email,LinkedIn URL,Country\n");
    for at in 0..CONTACTS {
        let who = if at % 100 == 99 { at - 1 } else { at };
        csv += &format!(
            "Ada{who},Lovelace {who},Analytical Engines {},https://www.engines-{}.example.com/about,\
             Ada.{who}@Engines-{}.Example.com,https://www.linkedin.com/in/ada-{who}/,UK\n",
            who / 20,
            who / 20,
            who / 20
        );
    }
    csv.into_bytes()
}

fn list(csv: &[u8]) -> Normalised {
    let mut normaliser = Normaliser::new(Kind::Contacts, Suppression::default());
    let push = |number, member: &mut Member| normaliser.push_in_place("contacts.csv", number, member);
    table::read(csv, Kind::Contacts, Format::Csv, &Columns::default(), push).unwrap();
    normaliser.finish()
}

fn parse_and_hash(csv: &[u8]) -> (usize, [u8; 32]) {
    let mut reader = csv::ReaderBuilder::new().from_reader(csv);
    let mut record = csv::StringRecord::new();
    let mut cells = 0;
    while reader.read_record(&mut record).unwrap() {
        cells += record.len();
    }
    (cells, Sha256::digest(csv).into())
}

/// A value in kilobytes from `/proc/self/status`.
fn kilobytes(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
}

/// The peak memory while a list is built, in multiples of the size of its file. The file itself isn't counted.
fn memory(csv: &[u8]) -> f64 {
    // 5 resets the peak (`VmHWM`).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = kilobytes("VmRSS");
    let kept = black_box(list(csv));
    let peak = kilobytes("VmHWM");
    drop(kept);
    (peak - before) as f64 * 1024.0 / csv.len() as f64
}

fn lists(criterion: &mut Criterion) {
    let csv = contacts();
    let ratio = memory(&csv);
    eprintln!("memory: {ratio:.2} times the file size of {:.1} MB", csv.len() as f64 / 1e6);
    assert!(ratio <= 3.0, "it takes too much memory");
    let funnel = list(&csv).funnel;
    assert_eq!((funnel.read, funnel.duplicate, funnel.invalid), (CONTACTS as u64, CONTACTS as u64 / 100, 0));
    let mut group = criterion.benchmark_group("100,000 contacts");
    group.throughput(Throughput::Elements(CONTACTS as u64)).sample_size(20);
    group.bench_function("csv to list", |b| b.iter(|| black_box(list(black_box(&csv)))));
    group.bench_function("bare csv and SHA-256", |b| b.iter(|| black_box(parse_and_hash(black_box(&csv)))));
    group.finish();
}

criterion_group!(benches, lists);
criterion_main!(benches);
