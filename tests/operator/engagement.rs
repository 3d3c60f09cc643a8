//! Reports that are matched with the members of audiences.

use serde_json::json;

use super::reports::{fetched_after, with, world, world_in_real_time};
use crate::support::wait::{ensure, eventually, eventually_by_progress};
use crate::support::{Kind, audit};

#[test]
fn audiences_report_the_values_of_their_members() {
    let (world, operator) = world();
    let people = json!([
        {"firstName": "Ada", "lastName": "Lovelace", "companyName": "Engines", "email": "ada@example.com", "linkedinUrl": ""},
        {"firstName": "Bo", "lastName": "Ek", "companyName": "Looms"},
        {"firstName": "Cy", "lastName": "Dahl", "companyName": "Nobody"},
    ]);
    let rows = "First Name,Last Name,Company,Email,LinkedIn URL,Impressions,Clicks,Last Engaged\n\
        ,,,ADA@example.com,,10,1,\n,,,ada@example.com,,20,2,\nBO,ek,looms,,,40,4,\nCy,Dahl,Somebody,,,80,8,\n";
    let sites = "[{\"Account Domain\":\"https://WWW.Example.com/\",\"Clicks\":3},{\"Account Domain\":\"example.com\",\"Clicks\":4},\
        {\"Account Domain\":\"example.net\",\"Clicks\":50},{\"Account Domain\":null,\"Clicks\":60}]";
    {
        let simulator = world.simulator.borrow();
        simulator.set_reports(json!({"report": "contact_engagement", "body": rows, "contentType": "text/csv"}));
        simulator.set_reports(json!({"report": "account_engagement", "body": sites}));
    }
    let clicks = json!({"interval": "5m", "metrics": [{"name": "clicks", "operation": "sum", "column": "Clicks"}]});
    let engagement = json!([{"report": "accounts", "columns": {"website": "Account Domain"}}]);
    world.accounts_with("targets", &["example.com", "example.org"], json!({"engagement": engagement}));
    // The report doesn't exist yet.
    eventually("the audience reports that there is no such report", || {
        let engagement = world.get(Kind::Accounts, "targets")["status"]["engagement"].clone();
        ensure(engagement.to_string().contains("there is no PropensityReport accounts"), || engagement.to_string())
    });
    let spec = json!({"spec": {"contacts": people, "engagement": [{"report": "people", "columns": {
        "firstName": "First Name", "lastName": "Last Name", "companyName": "Company", "email": "Email"}}]}});
    world.apply(Kind::Contacts, "leaders", spec);
    world.report("accounts", "account_engagement", clicks.clone());
    let number = json!({"columns": [{"name": "Clicks", "number": {}}], "format": "CSV"});
    world.report("people", "contact_engagement", with(clicks, number));
    for (kind, name, report, expected) in [
        (
            Kind::Accounts,
            "targets",
            "accounts",
            json!({"membersMatched": 1, "rows": 2, "values": [{"name": "clicks", "value": "7"}]}),
        ),
        (
            Kind::Contacts,
            "leaders",
            "people",
            json!({"membersMatched": 2, "rows": 3, "values": [{"name": "clicks", "value": "7"}]}),
        ),
    ] {
        let expected = with(expected, json!({"report": report}));
        eventually(&format!("{name} reports the values of {report}"), || {
            let engagement = world.get(kind, name)["status"]["engagement"].clone();
            ensure(engagement == json!([expected]), || engagement.to_string())
        });
    }
    let labels =
        format!("namespace=\"{}\",kind=\"AccountAudience\",audience=\"targets\",report=\"accounts\"", world.namespace);
    eventually("it is also a metric", || {
        let metric = operator.metric(&format!("propensity_audience_engaged_members{{{labels}}}"));
        ensure(metric == Some(1.0), || operator.metrics())
    });

    // Another fetch with the same rows: one write for each report, and none for the audiences.
    let before = (audit::writes(&world.namespace).len(), world.get(Kind::Accounts, "targets"));
    let last = world.get(Kind::Report, "accounts")["status"]["lastSuccess"].clone();
    fetched_after(&world, "accounts", &last);
    let writes = audit::writes(&world.namespace);
    assert!(
        writes[before.0..].iter().all(|write| write.contains("propensityreports") || write.contains("leases")),
        "{:#?}",
        &writes[before.0..]
    );
    assert_eq!(
        world.get(Kind::Accounts, "targets")["metadata"]["resourceVersion"],
        before.1["metadata"]["resourceVersion"]
    );

    // A report without rows matches no member, and doesn't need any columns.
    world.simulator.borrow().set_reports(json!({"report": "account_engagement", "body": "[]"}));
    let none =
        json!([{"report": "accounts", "membersMatched": 0, "rows": 0, "values": [{"name": "clicks", "value": "0"}]}]);
    eventually("no member is matched", || {
        let engagement = world.get(Kind::Accounts, "targets")["status"]["engagement"].clone();
        ensure(engagement == none, || engagement.to_string())
    });
    world.simulator.borrow().set_reports(json!({"report": "account_engagement", "body": sites}));

    // A column that doesn't exist, and then no engagement in the spec.
    let wrong = json!([{"report": "accounts", "columns": {"website": "Website"}}]);
    world.accounts_with("targets", &["example.com", "example.org"], json!({"engagement": wrong}));
    eventually("the audience names the column", || {
        let engagement = world.get(Kind::Accounts, "targets")["status"]["engagement"].clone();
        ensure(engagement.to_string().contains("a column Website"), || engagement.to_string())
    });
    world.accounts("targets", &["example.com", "example.org"]);
    eventually("the engagement is removed from the status", || {
        let status = world.get(Kind::Accounts, "targets")["status"].clone();
        ensure(status["engagement"].is_null(), || status.to_string())
    });
    // None of this has sent anything.
    let creates = world.simulator.borrow().audiences().len();
    assert_eq!(creates, 2);
}

/// How many audiences one fetch is matched with.
const MANY: usize = 200;

#[test]
fn many_audiences_are_matched_by_one_fetch_and_written_only_if_they_change() {
    let (world, operator) = world_in_real_time();
    let site = |number: usize| format!("account-{number}.example.com");
    for number in 0..MANY {
        let engagement = json!([{"report": "accounts", "columns": {"website": "Account Domain"}}]);
        world.accounts_with(
            &format!("a{number}"),
            &[&site(number)],
            json!({"suspend": true, "engagement": engagement}),
        );
    }
    let rows = |extra: usize| {
        let domains: Vec<_> = (0..MANY).chain(0..extra).map(site).collect();
        world
            .simulator
            .borrow()
            .set_reports(json!({"report": "account_engagement", "domains": domains, "rows": domains.len()}));
    };
    let matched = |number: usize, rows: usize| {
        eventually(&format!("audience {number} has {rows} rows"), || {
            let engagement = world.get(Kind::Accounts, &format!("a{number}"))["status"]["engagement"].clone();
            ensure(engagement[0]["rows"] == rows && engagement[0]["membersMatched"] == 1, || engagement.to_string())
        });
    };
    rows(0);
    world.report("accounts", "account_engagement", json!({"metrics": [{"name": "rows", "operation": "count"}]}));
    // The members of each are read live, which takes a busy machine a while.
    eventually_by_progress("all audiences are matched", || {
        let matched =
            world.objects.list(Kind::Accounts).iter().filter(|a| a["status"]["engagement"][0]["rows"] == 1).count();
        if matched == MANY { Ok(()) } else { Err((matched, format!("{matched} of {MANY}"))) }
    });
    (0..MANY).for_each(|number| matched(number, 1));
    assert_eq!(world.simulator.borrow().report_requests("account_engagement"), 1);
    eventually("all audiences have metrics", || {
        let members = operator.metric_sum("propensity_audience_engaged_members");
        ensure(members == MANY as f64, || members.to_string())
    });
    // Three audiences get one more row.
    let before = audit::writes(&world.namespace).len();
    rows(3);
    world.objects.patch(
        Kind::Report,
        "accounts",
        json!({"metadata": {"annotations": {"abm.propensity.com/requestedAt": "1"}}}),
    );
    (0..3).for_each(|number| matched(number, 2));
    let writes = audit::writes(&world.namespace);
    let of =
        |kind: &str| writes[before..].iter().filter(|write| write.contains(kind) && write.contains("status")).count();
    assert_eq!((of("accountaudiences"), of("propensityreports")), (3, 1), "{:#?}", &writes[before..]);
}
