//! Reports in each layout, and what is rejected.
#![allow(clippy::unwrap_used)]

use bolero::check;

use super::*;

const MIB: u64 = 1 << 20;

fn rows(report: &[u8], layout: &Layout) -> Result<Vec<String>, RowsError> {
    let mut rows = vec![];
    read(report, layout, 64 * MIB, |row| {
        let cells: Vec<_> = row.iter().map(|(name, cell)| format!("{name}={cell:?}")).collect();
        rows.push(cells.join(" "));
    })?;
    Ok(rows)
}

fn json(path: &[&str]) -> Layout {
    Layout::Json(path.iter().map(|part| (*part).to_owned()).collect())
}

#[test]
fn every_layout_gives_its_rows() {
    let array = br#" [{"a": 1, "b": "x"}, {"a": null, "b": [1, {"c": 2}]}, {}] "#;
    let wanted = [r#"a=Integer(1) b=Text("x")"#, "a=Nothing b=Nested", ""];
    assert_eq!(rows(array, &json(&[])).unwrap(), wanted);
    let wrapped = [br#"{"meta": {"rows": 3}, "results": {"data": "#.as_slice(), array, br#", "next": null}}"#].concat();
    assert_eq!(rows(&wrapped, &json(&["results", "data"])).unwrap(), wanted);
    let lines = b"{\"a\": true}\n\n{\"a\": -2.5}";
    assert_eq!(rows(lines, &Layout::Ndjson).unwrap(), ["a=Bool(true)", "a=Number(-2.5)"]);
    let csv = b"\xef\xbb\xbfSite, Spend \na.example.com,\"$1,000\"\n";
    assert_eq!(rows(csv, &Layout::Csv).unwrap(), [r#"Site=Text("a.example.com") Spend=Text("$1,000")"#]);
    for layout in [json(&[]), Layout::Ndjson, Layout::Csv] {
        let empty: &[u8] = if layout == json(&[]) { b"[]" } else { b"" };
        assert!(rows(empty, &layout).unwrap().is_empty());
    }
}

#[test]
fn invalid_reports_are_rejected_without_repeating_their_content() {
    for (report, layout, why) in [
        ("<!DOCTYPE html><p>canary", json(&[]), RowsError::Html),
        ("", json(&[]), RowsError::Truncated),
        ("[{\"canary\": 1}, {\"can", json(&[]), RowsError::Truncated),
        ("[{\"canary\": NaN}]", json(&[]), RowsError::Syntax("JSON", 1)),
        ("{\"canary\": []}", json(&[]), RowsError::NoArray(String::new())),
        ("{\"canary\": []}", json(&["rows"]), RowsError::NoArray("/rows".to_owned())),
        ("{\"rows\": \"canary\"}", json(&["rows"]), RowsError::NoArray("/rows".to_owned())),
        ("[{}, \"canary\"]", json(&[]), RowsError::NotAnObject(2)),
        ("[[\"canary\"]]", json(&[]), RowsError::NotAnObject(1)),
        ("{\"canary\": 1}\n{canary}\n", Layout::Ndjson, RowsError::Syntax("NDJSON", 2)),
        ("a,b,a\n1,2,3\n", Layout::Csv, RowsError::DuplicateHeading(1, 3)),
        ("a,b\n1,2\ncanary\n", Layout::Csv, RowsError::CellCount(3)),
        ("Ada,canary@example.com\nBo,canary@example.org\n", Layout::Csv, RowsError::NoHeadings),
        ("[{\"canary\": 1}, {\"a\": 1, \"canary\": 2, \"canary\": 3}]", json(&[]), RowsError::DuplicateCell(2)),
    ] {
        let error = rows(report.as_bytes(), &layout).unwrap_err();
        assert_eq!(error, why, "{report}");
        assert!(!error.to_string().contains("canary"));
    }
    assert_eq!(rows(b"a\n\xff\xfe\n", &Layout::Csv), Err(RowsError::Syntax("CSV", 2)));
    assert_eq!(rows("[".repeat(100_000).as_bytes(), &json(&[])), Err(RowsError::NotAnObject(1)));
    let deep = format!("[{{\"a\": {}", "[".repeat(100_000));
    assert_eq!(rows(deep.as_bytes(), &json(&[])), Err(RowsError::Truncated));
}

#[test]
fn endless_reports_end_at_the_limit() {
    let endless = |start: &'static [u8]| start.chain(io::repeat(b'1'));
    for (start, layout) in [
        (&b"[{\"a\": \""[..], json(&[])),
        (b"[{\"a\": ", json(&[])),
        (b"{\"a\": \"", Layout::Ndjson),
        (b"a,b\n\"", Layout::Csv),
    ] {
        let error = read(endless(start), &layout, 64 * MIB, |_| ()).unwrap_err();
        assert_eq!(error, RowsError::RowTooLarge, "{layout:?}");
    }
    let line = b"{\"a\": 1}\n";
    let lines = line.repeat((3 << 20) / line.len());
    assert_eq!(read(&lines[..], &Layout::Ndjson, 2 * MIB, |_| ()), Err(RowsError::TooLarge(2 * MIB)));
    let blank = read(io::repeat(b' '), &Layout::Csv, 2 * MIB, |_| ());
    assert!(matches!(blank, Err(RowsError::RowTooLarge | RowsError::TooLarge(_))));
}

#[test]
fn any_bytes_give_rows_or_an_error() {
    check!().for_each(|bytes: &[u8]| {
        for layout in [json(&[]), json(&["a"]), Layout::Ndjson, Layout::Csv] {
            let _ = read(bytes, &layout, MIB, |_| ());
        }
    });
}
