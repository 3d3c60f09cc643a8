#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::api::audience_status::CreatedAudience;
use crate::api::condition::Reason;
use crate::controller::fixtures::{accounts, at, contacts, shown, spec, suppressing, workspace};
use crate::controller::model::list::ListPart;
use crate::controller::model::readiness::Phase;

/// An audience of this many contacts whose last audience had `last` members.
fn list(members: u32, last: Option<u64>, options: Value) -> Desired {
    let mut desired = contacts(spec(1..=members, options));
    let audience = |members| CreatedAudience { receipt: "ar-0".into(), time: at(0), members };
    desired.audience.status.last_created = last.map(audience);
    desired
}

/// Checks what is reported of a list; `{hash}` in the message means the short hash of the list.
fn check(what: &str, desired: &Desired, policy: Value, message: Option<&str>) {
    let found = out_of_bounds(desired, &workspace(json!({"policy": policy}))).map(shown);
    let expected = message.map(|m| m.replace("{hash}", desired.list.hash.short()));
    assert_eq!(found, expected.map(|m| (Reason::GuardTripped, m, Phase::Stalled)), "{what}");
}

const BELOW_OWN: &str = "nothing is sent: the list has 1 member, fewer than the 2 of spec.minMembers. Correct the \
                         list, or allow exactly this list with spec.bypassGuardsForHash: \"{hash}\".";
const ABOVE_OWN: &str = "nothing is sent: the list has 3 members, more than the 2 of spec.maxMembers. Correct the \
                         list, or allow exactly this list with spec.bypassGuardsForHash: \"{hash}\".";
const BELOW_POLICY: &str = "nothing is sent: the list has 3 members, fewer than the 5 of spec.policy.minMembers of \
                            PropensityWorkspace default. Correct the list, or allow exactly this list with \
                            spec.policy.bypassGuardsForHashes: [\"{hash}\"] of PropensityWorkspace default.";

#[test]
fn each_guard_names_its_field_by_how_much_it_is_broken_and_how_to_let_the_list_pass() {
    type Case = (&'static str, u32, Option<u64>, Value, Value, Option<&'static str>);
    let table: [Case; 15] = [
        ("the defaults", 1, None, json!({}), json!({}), None),
        ("at the minimum", 2, None, json!({"minMembers": 2}), json!({"minMembers": 2}), None),
        ("below the minimum", 1, None, json!({"minMembers": 2}), json!({}), Some(BELOW_OWN)),
        ("at the maximum", 2, None, json!({"maxMembers": 2}), json!({"maxMembers": 2}), None),
        ("above the maximum", 3, None, json!({"maxMembers": 2}), json!({}), Some(ABOVE_OWN)),
        ("just as much change as is allowed", 3, Some(2), json!({}), json!({}), None),
        (
            "more members than before",
            4,
            Some(2),
            json!({}),
            json!({}),
            Some(
                "nothing is sent: the list has 4 members, 100% more than the 2 of the last audience that this resource \
                 created, and spec.maxSizeChangePercent is 50 (only the numbers are compared). Correct the list, or \
                 allow exactly this list with spec.bypassGuardsForHash: \"{hash}\".",
            ),
        ),
        (
            "fewer members than before",
            1,
            Some(4),
            json!({"maxSizeChangePercent": 10}),
            json!({}),
            Some(
                "nothing is sent: the list has 1 member, 75% fewer than the 4 of the last audience that this resource \
                 created, and spec.maxSizeChangePercent is 10 (only the numbers are compared). Correct the list, or \
                 allow exactly this list with spec.bypassGuardsForHash: \"{hash}\".",
            ),
        ),
        ("no change is allowed and there is none", 2, Some(2), json!({"maxSizeChangePercent": 0}), json!({}), None),
        ("there is nothing to compare with", 9, None, json!({"maxSizeChangePercent": 0}), json!({}), None),
        ("the last audience was empty", 9, Some(0), json!({"maxSizeChangePercent": 0}), json!({}), None),
        ("below the minimum of the policy", 3, None, json!({}), json!({"minMembers": 5}), Some(BELOW_POLICY)),
        (
            "above the maximum of the policy",
            3,
            None,
            json!({}),
            json!({"maxMembers": 2}),
            Some(
                "nothing is sent: the list has 3 members, more than the 2 of spec.policy.maxMembers of \
                 PropensityWorkspace default. Correct the list, or allow exactly this list with \
                 spec.policy.bypassGuardsForHashes: [\"{hash}\"] of PropensityWorkspace default.",
            ),
        ),
        (
            "more change than the policy allows",
            3,
            Some(2),
            json!({}),
            json!({"maxSizeChangePercent": 20}),
            Some(
                "nothing is sent: the list has 3 members, 50% more than the 2 of the last audience that this resource \
                 created, and spec.policy.maxSizeChangePercent of PropensityWorkspace default is 20 (only the numbers \
                 are compared). Correct the list, or allow exactly this list with spec.policy.bypassGuardsForHashes: \
                 [\"{hash}\"] of PropensityWorkspace default.",
            ),
        ),
        ("a looser policy", 3, Some(2), json!({}), json!({"maxSizeChangePercent": 90, "maxMembers": 9}), None),
    ];
    for (what, members, last, options, policy, message) in table {
        check(what, &list(members, last, options), policy, message);
    }
}

#[test]
fn a_change_is_rounded_up_so_that_the_message_never_shows_the_allowed_percent() {
    let desired = list(99, Some(199), json!({}));
    let message = "nothing is sent: the list has 99 members, 51% fewer than the 199 of the last audience that this \
                   resource created, and spec.maxSizeChangePercent is 50 (only the numbers are compared). Correct the \
                   list, or allow exactly this list with spec.bypassGuardsForHash: \"{hash}\".";
    check("50.25 %", &desired, json!({}), Some(message));
}

#[test]
fn of_several_broken_guards_those_of_the_policy_are_reported_first_and_sizes_before_changes() {
    let own = json!({"maxMembers": 2, "maxSizeChangePercent": 0});
    check("policy and own", &list(3, Some(9), own.clone()), json!({"minMembers": 5}), Some(BELOW_POLICY));
    check(
        "policy: size and change",
        &list(3, Some(9), json!({})),
        json!({"minMembers": 5, "maxSizeChangePercent": 1}),
        Some(BELOW_POLICY),
    );
    check("own: size and change", &list(3, Some(9), own), json!({}), Some(ABOVE_OWN));
}

#[test]
fn a_bypass_lets_just_its_list_pass_and_only_the_guards_of_its_owner() {
    let short = list(3, None, json!({})).list.hash.short().to_owned();
    let own = |hash: &str| list(3, None, json!({"maxMembers": 2, "bypassGuardsForHash": hash}));
    let policy = |hash: &str| json!({"minMembers": 5, "bypassGuardsForHashes": ["000000000000", hash]});
    check("own", &own(&short), json!({}), None);
    check("own, of another list", &own("0123456789ab"), json!({}), Some(ABOVE_OWN));
    check("own, but the policy is broken too", &own(&short), json!({"minMembers": 5}), Some(BELOW_POLICY));
    check("policy, but the own one is broken too", &own(""), policy(&short), Some(ABOVE_OWN));
    check("policy, of another list", &own(&short), policy("0123456789ab"), Some(BELOW_POLICY));
    check("both", &own(&short), policy(&short), None);
}

#[test]
fn a_policy_without_inline_contacts_blocks_them_whatever_the_bypass() {
    let message = "nothing is sent: spec.policy.inlineContacts of PropensityWorkspace default doesn't allow contacts \
                   in the audience itself. Move them to a Secret or another source, and name it in spec.from of this \
                   ContactAudience.";
    let desired = list(3, None, json!({}));
    let short = desired.list.hash.short().to_owned();
    let policy = json!({"inlineContacts": false, "minMembers": 5, "bypassGuardsForHashes": [short]});
    check("contacts", &desired, policy.clone(), Some(message));
    check(
        "accounts",
        &accounts(json!({"accounts": [{"website": "example.com"}]})),
        policy.clone(),
        Some(
            "nothing is sent: the list has 1 member, fewer than the 5 of spec.policy.minMembers of PropensityWorkspace \
             default. Correct the list, or allow exactly this list with spec.policy.bypassGuardsForHashes: \
             [\"{hash}\"] of PropensityWorkspace default.",
        ),
    );
    let elsewhere = Desired { audience: contacts(json!({})).audience, ..desired };
    check("contacts of another object", &elsewhere, policy, None);
}

#[test]
fn invalid_rows_block_the_list_unless_few_enough_may_be_skipped() {
    let table = [
        (0, 1, "Fail", 0, None),
        (
            1,
            99,
            "Fail",
            100,
            Some(
                "1 of 100 rows can't be sent, so nothing is sent. Correct or remove them: status.problems shows \
                 source, row and reason of the first ones.",
            ),
        ),
        (0, 1, "Skip", 0, None),
        (1, 19, "Skip", 5, None),
        (
            1,
            18,
            "Skip",
            5,
            Some(
                "1 of 19 rows can't be sent, more than the 5% of spec.maxInvalidPercent, so nothing is sent. Correct \
                 or remove them: status.problems shows source, row and reason of the first ones.",
            ),
        ),
        (1, 0, "Skip", 100, None),
    ];
    for (invalid_rows, valid, policy, percent, message) in table {
        let mut spec = spec(1..=valid, json!({"invalidMembers": policy, "maxInvalidPercent": percent}));
        let bad = (0..invalid_rows).map(|_| json!({"email": "canary@example.com"}));
        spec["contacts"].as_array_mut().unwrap().extend(bad);
        let expected = message.map(|m: &str| (Reason::InvalidMembers, m.to_owned(), Phase::Stalled));
        assert_eq!(invalid(&contacts(spec)).map(shown), expected, "{invalid_rows} of {valid} with {policy} {percent}");
    }
}

#[test]
fn a_list_of_suppressed_members_alone_is_not_sent() {
    let message = "the list has only suppressed members (2), so nothing is sent. Add other members, or correct the \
         SuppressionLists.";
    let expected = Some((Reason::EmptyList, message.to_owned(), Phase::Stalled));
    assert_eq!(all_suppressed(&suppressing(spec(1..=2, json!({})), &[1, 2])).map(shown), expected);
    assert_eq!(all_suppressed(&suppressing(spec(1..=2, json!({})), &[1])), None);
}

#[test]
fn a_part_of_suppressed_members_alone_is_not_sent() {
    let whole = suppressing(spec(1..=3, json!({})), &[1, 2]);
    let part = |to_send, excluded| {
        let part = ListPart { name: "01".into(), to_send, excluded, ..whole.to_send() };
        part_suppressed(&Desired { part: Some(part), ..whole.clone() }).map(shown)
    };
    let message = "this part has only suppressed members (2), so it isn't sent";
    assert_eq!(part(0, 2), Some((Reason::EmptyList, message.to_owned(), Phase::Stalled)));
    assert_eq!(part(1, 1), None);
    assert_eq!(part_suppressed(&whole), None, "it isn't a part");
}
