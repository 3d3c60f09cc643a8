//! Large lists and many lists: one request each, and memory is released.

use std::fmt::Write as _;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::support::files::gzip;
use crate::support::wait::{ensure, eventually_for};
use crate::support::{Kind, Operator, World};

const MIB: f64 = 1024.0 * 1024.0;

fn resident_mib(operator: &Operator) -> f64 {
    operator.metric("process_resident_memory_bytes").expect("a metric that always exists") / MIB
}

/// A CSV of `count` contacts, numbered from `first`.
fn contacts(first: usize, count: usize) -> String {
    let mut csv = String::from("First Name,Last Name,Company,Email,LinkedIn URL\n");
    for who in first..first + count {
        writeln!(csv, "Ada{who},Lovelace,Engines {who},ada.{who}@example.com,https://www.linkedin.com/in/ada-{who}")
            .unwrap();
    }
    csv
}

#[test]
fn a_hundred_thousand_contacts_are_one_request_and_memory_is_released() {
    let world = World::new();
    let operator = world.operator().fast(20).start();
    world.connect_with(json!({"requestTimeout": "120s"}));
    // A small list first, so that the baseline has everything that stays allocated.
    world.contacts("warm", json!([{"linkedinUrl": "https://www.linkedin.com/in/warm"}]));
    world.wait_reason(Kind::Contacts, "warm", "Created");
    let baseline = resident_mib(&operator);
    for part in 0..10 {
        let packed = BASE64.encode(&gzip(contacts(part * 10_000, 10_000).as_bytes()));
        let body = json!({"metadata": {"labels": {"list": "large"}}, "binaryData": {"people.csv.gz": packed}});
        world.apply(Kind::ConfigMap, &format!("large-{part}"), body);
    }
    let source = json!({"configMaps": {"matchLabels": {"list": "large"}, "count": 10, "key": "people.csv.gz"}});
    world.apply(Kind::Contacts, "large", json!({"spec": {"from": [source]}}));
    let timeout = Duration::from_mins(3);
    eventually_for(timeout, "the list is created", || {
        let audience = world.get(Kind::Contacts, "large");
        ensure(audience["status"]["lastCreated"]["members"] == 100_000, || audience["status"].to_string())
    });
    world.assert_sent(2, 2);
    let members = world.simulator.borrow().requests()[1]["memberCount"].clone();
    assert_eq!(members, 100_000);
    eventually_for(Duration::from_secs(60), "memory is back at its baseline", || {
        let now = resident_mib(&operator);
        ensure(now < baseline + 20.0, || format!("it was {baseline:.0} MiB, now {now:.0} MiB"))
    });
    eprintln!("memory before and after: {baseline:.0} and {:.0} MiB", resident_mib(&operator));
}

#[test]
fn lists_are_not_kept_in_memory() {
    let world = World::new();
    let operator = world.operator().fast(1_000).start();
    world.connect_with(json!({"suspend": true}));
    world.contacts("warm", json!([{"linkedinUrl": "https://www.linkedin.com/in/warm"}]));
    world.wait_reason(Kind::Contacts, "warm", "Suspended");
    let baseline = resident_mib(&operator);
    // 200 lists of 2000 rows would need more than 100 MiB if they were kept. AUDIENCES sets another number of lists,
    // with 100 rows each.
    let more = std::env::var("AUDIENCES").ok().and_then(|many| many.parse().ok());
    let (audiences, rows) = more.map_or((200, 2_000), |many| (many, 100));
    let packed = BASE64.encode(&gzip(contacts(0, rows).as_bytes()));
    world.apply(Kind::ConfigMap, "people", json!({"binaryData": {"people.csv.gz": packed}}));
    let source: Value = json!([{"configMap": {"name": "people", "key": "people.csv.gz"}}]);
    for number in 0..audiences {
        let spec = json!({"from": source, "revision": number.to_string()});
        world.apply(Kind::Contacts, &format!("many-{number}"), json!({"spec": spec}));
    }
    eventually_for(Duration::from_mins(20), "all lists are read", || {
        let read = |audience: &Value| audience["status"]["members"]["toSend"] == rows;
        let many = world.objects.list(Kind::Contacts).iter().filter(|audience| read(audience)).count();
        ensure(many == audiences, || format!("{many} of {audiences} are read"))
    });
    eventually_for(Duration::from_secs(60), "memory is back at its baseline", || {
        let now = resident_mib(&operator);
        // The audience object itself needs some kilobytes.
        ensure(now < baseline + 20.0 + audiences as f64 * 8.0 / 1024.0, || {
            format!("it was {baseline:.0} MiB, now {now:.0} MiB")
        })
    });
    eprintln!("memory before and after: {baseline:.0} and {:.0} MiB", resident_mib(&operator));
}
