//! Large lists, and many of them: one request each, and no memory that stays.

use std::fmt::Write as _;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::support::files::gzip;
use crate::support::wait::{ensure, eventually_for};
use crate::support::{Kind, Operator, World};

const MIB: f64 = 1024.0 * 1024.0;

fn resident(operator: &Operator) -> f64 {
    operator.metric("process_resident_memory_bytes").expect("it is always told") / MIB
}

/// A CSV of contacts from this number on.
fn contacts(first: usize, count: usize) -> String {
    let mut csv = String::from("First Name,Last Name,Company,Email,LinkedIn URL\n");
    for who in first..first + count {
        writeln!(csv, "Ada{who},Lovelace,Engines {who},ada.{who}@example.com,https://www.linkedin.com/in/ada-{who}")
            .unwrap();
    }
    csv
}

#[test]
fn a_hundred_thousand_contacts_are_one_request_and_leave_no_memory_behind() {
    let world = World::new();
    let operator = world.operator().fast(20).start();
    world.connect_with(json!({"requestTimeout": "120s"}));
    // A small one first, so that everything is set up that stays.
    world.contacts("warm", json!([{"linkedinUrl": "https://www.linkedin.com/in/warm"}]));
    world.settled(Kind::Contacts, "warm", "Created");
    let base = resident(&operator);
    for part in 0..10 {
        let packed = BASE64.encode(&gzip(contacts(part * 10_000, 10_000).as_bytes()));
        let body = json!({"metadata": {"labels": {"list": "large"}}, "binaryData": {"people.csv.gz": packed}});
        world.apply(Kind::ConfigMap, &format!("large-{part}"), body);
    }
    let source = json!({"configMaps": {"matchLabels": {"list": "large"}, "count": 10, "key": "people.csv.gz"}});
    world.apply(Kind::Contacts, "large", json!({"spec": {"from": [source]}}));
    let patience = Duration::from_mins(3);
    eventually_for(patience, "the list is created", || {
        let audience = world.get(Kind::Contacts, "large");
        ensure(audience["status"]["lastCreated"]["members"] == 100_000, || audience["status"].to_string())
    });
    world.sent(2, 2);
    let members = world.simulator.borrow().requests()[1]["memberCount"].clone();
    assert_eq!(members, 100_000);
    eventually_for(Duration::from_secs(60), "memory is back at its base", || {
        let now = resident(&operator);
        ensure(now < base + 20.0, || format!("it was {base:.0} MiB and is {now:.0}"))
    });
    eprintln!("memory before and after: {base:.0} and {:.0} MiB", resident(&operator));
}

#[test]
fn no_list_stays_in_memory_however_many_name_it() {
    let world = World::new();
    let operator = world.operator().fast(1_000).start();
    world.connect_with(json!({"suspend": true}));
    world.contacts("warm", json!([{"linkedinUrl": "https://www.linkedin.com/in/warm"}]));
    world.settled(Kind::Contacts, "warm", "Suspended");
    let base = resident(&operator);
    // Two hundred lists of two thousand: kept, they would take more than 100 MiB. AUDIENCES makes it as many others of a hundred.
    let more = std::env::var("AUDIENCES").ok().and_then(|many| many.parse().ok());
    let (audiences, rows) = more.map_or((200, 2_000), |many| (many, 100));
    let packed = BASE64.encode(&gzip(contacts(0, rows).as_bytes()));
    world.apply(Kind::ConfigMap, "people", json!({"binaryData": {"people.csv.gz": packed}}));
    let source: Value = json!([{"configMap": {"name": "people", "key": "people.csv.gz"}}]);
    for number in 0..audiences {
        let spec = json!({"from": source, "revision": number.to_string()});
        world.apply(Kind::Contacts, &format!("many-{number}"), json!({"spec": spec}));
    }
    eventually_for(Duration::from_mins(20), "all are read", || {
        let read = |audience: &Value| audience["status"]["members"]["toSend"] == rows;
        let many = world.objects.list(Kind::Contacts).iter().filter(|audience| read(audience)).count();
        ensure(many == audiences, || format!("{many} are"))
    });
    eventually_for(Duration::from_secs(60), "memory is back at its base", || {
        let now = resident(&operator);
        // An audience itself takes some kilobytes, whatever its list.
        ensure(now < base + 20.0 + audiences as f64 * 8.0 / 1024.0, || format!("it was {base:.0} MiB and is {now:.0}"))
    });
    eprintln!("memory before and after: {base:.0} and {:.0} MiB", resident(&operator));
}
