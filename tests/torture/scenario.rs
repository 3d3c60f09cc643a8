//! What a user does during a case: each scenario in a few steps.

use serde_json::json;

use super::case::Case;
use crate::support::Kind;
use crate::support::call::Call;
use crate::support::objects::reason;
use crate::support::programs::unique_name;
use crate::support::wait::ensure;

/// What a user does. Changes described with "then" are made while the operator's requests are paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scenario {
    /// The operator starts when a list already exists.
    Create,
    /// The operator starts when one list is created and the outcome of another is unknown.
    Restart,
    /// A list is applied, then edited.
    Edit,
    /// A list is applied, then edited, and afterwards changed back.
    BackAndForth,
    /// A list is applied, then deleted, and afterwards applied again.
    Reapply,
    /// A list is applied, then the workspace gets another API key.
    Rotate,
    /// A list is applied, then suspended, and afterwards resumed.
    Suspend,
    /// Two audiences have the same list.
    Twins,
    /// An unknown outcome is resolved as created.
    ResolveCreated,
    /// An unknown outcome is resolved by sending again.
    ResolveAgain,
    /// An unknown outcome is resolved by dismissing it.
    ResolveDismiss,
    /// A list with an unknown outcome is edited, then changed back, and afterwards edited again.
    EditUnknown,
    /// The policy sends a list with an unknown outcome again.
    Policy,
}

/// The two lists of the scenarios.
const A: &[&str] = &["a.example.com"];
const B: &[&str] = &["b.example.com"];

impl Scenario {
    pub const ALL: [Self; 13] = [
        Self::Create,
        Self::Restart,
        Self::Edit,
        Self::BackAndForth,
        Self::Reapply,
        Self::Rotate,
        Self::Suspend,
        Self::Twins,
        Self::ResolveCreated,
        Self::ResolveAgain,
        Self::ResolveDismiss,
        Self::EditUnknown,
        Self::Policy,
    ];

    /// Whether the trap is set before the operator starts, instead of when it is idle.
    pub fn is_trapped_from_the_start(self) -> bool {
        matches!(self, Self::Create | Self::Restart)
    }

    /// Whether the user does something while the operator's requests are paused.
    pub fn acts_while_paused(self) -> bool {
        use Scenario::{BackAndForth, Edit, EditUnknown, Reapply, Rotate, Suspend};
        matches!(self, Edit | BackAndForth | EditUnknown | Reapply | Rotate | Suspend)
    }

    /// The requests that the operator certainly sends, and how many of each kind.
    pub fn calls(self) -> &'static [(Call, u32)] {
        match self {
            Self::Create => &[
                (Call::List, 4),
                (Call::Watch, 4),
                (Call::Lease, 3),
                (Call::Secret, 2),
                (Call::Live, 2),
                (Call::Receipt, 1),
                (Call::Anchor, 1),
                (Call::Claim, 1),
                (Call::Post, 1),
                (Call::Outcome, 1),
                (Call::Status, 2),
                (Call::Event, 1),
            ],
            Self::Restart => {
                &[(Call::List, 4), (Call::Watch, 4), (Call::Lease, 3), (Call::Secret, 2), (Call::Receipt, 1)]
            }
            Self::ResolveCreated | Self::ResolveDismiss => {
                &[(Call::Lease, 1), (Call::Resolution, 1), (Call::Status, 2), (Call::Event, 1)]
            }
            Self::ResolveAgain => &[
                (Call::Lease, 1),
                (Call::Live, 2),
                (Call::Resolution, 1),
                (Call::Claim, 1),
                (Call::Post, 1),
                (Call::Outcome, 1),
                (Call::Status, 2),
                (Call::Event, 1),
            ],
            Self::Policy => &[
                (Call::Lease, 1),
                (Call::Live, 4),
                (Call::Claim, 2),
                (Call::Post, 2),
                (Call::Outcome, 2),
                (Call::Status, 2),
                (Call::Event, 1),
            ],
            _ => &[
                (Call::Lease, 1),
                (Call::Live, 2),
                (Call::Claim, 1),
                (Call::Post, 1),
                (Call::Outcome, 1),
                (Call::Status, 1),
                (Call::Event, 1),
            ],
        }
    }

    /// How many outcomes are certainly unknown, because the API has a fault.
    pub fn unknowns(self) -> usize {
        match self {
            Self::Restart
            | Self::ResolveCreated
            | Self::ResolveAgain
            | Self::ResolveDismiss
            | Self::EditUnknown
            | Self::Policy => 1,
            _ => 0,
        }
    }

    /// Before an operator is started.
    pub fn set_up(self, case: &Case) {
        let world = &case.world;
        let mut workspace = json!({"requestTimeout": "2s"});
        match self {
            Self::Policy => {
                workspace["allowSendAgain"] = true.into();
                world.simulator.borrow().fault(json!({"fault": "status", "status": 500, "times": 1}));
            }
            Self::Restart => {
                world.simulator.borrow().fault(json!({"fault": "storeThenStatus", "status": 502, "times": 1}));
            }
            Self::ResolveCreated => {
                world.simulator.borrow().fault(json!({"fault": "closeAfterStoring", "times": 1}));
            }
            Self::ResolveAgain | Self::ResolveDismiss | Self::EditUnknown => {
                world.simulator.borrow().fault(json!({"fault": "status", "status": 502, "times": 1}));
            }
            _ => {}
        }
        world.connect_with(workspace);
        if self == Self::Create {
            world.accounts("targets", A);
        }
    }

    /// When an operator runs, before the trap is set.
    pub fn before_trap(self, case: &Case) {
        let world = &case.world;
        match self {
            Self::Restart => {
                world.accounts("open", A);
                world.wait_reason(Kind::Accounts, "open", "OutcomeUnknown");
                world.accounts("made", B);
                world.wait_reason(Kind::Accounts, "made", "Created");
            }
            _ if self.unknowns() == 1 && self != Self::Policy => {
                world.accounts("targets", A);
                world.wait_reason(Kind::Accounts, "targets", "OutcomeUnknown");
            }
            _ => {
                world.wait_workspace_condition("Ready");
            }
        }
    }

    /// After the trap is set.
    pub fn act(self, case: &Case) {
        let world = &case.world;
        match self {
            Self::Create | Self::Restart => {}
            Self::Edit | Self::BackAndForth | Self::Reapply | Self::Rotate | Self::Suspend => {
                world.accounts("targets", A);
            }
            Self::Twins => {
                world.accounts("one", A);
                world.accounts("two", A);
            }
            Self::ResolveCreated => resolve(case, "created"),
            Self::ResolveAgain => resolve(case, "send-again"),
            Self::ResolveDismiss => resolve(case, "dismiss"),
            Self::EditUnknown => world.accounts("targets", B),
            Self::Policy => {
                let policy = json!({"unknownOutcome": {"policy": "SendAgain", "maxSends": 2, "after": "15m"}});
                world.accounts_with("targets", A, policy);
            }
        }
    }

    /// While the operator's requests are paused.
    pub fn while_paused(self, case: &Case) {
        let world = &case.world;
        match self {
            Self::Edit | Self::BackAndForth => world.accounts("targets", B),
            Self::EditUnknown => world.accounts("targets", A),
            Self::Reapply => world.objects.delete(Kind::Accounts, "targets"),
            Self::Suspend => world.accounts_with("targets", A, json!({"suspend": true})),
            Self::Rotate => {
                let key = unique_name("another-key-of-the-simulator");
                world.simulator.borrow_mut().rotate_key(&key);
                world.secret("propensity", &key);
            }
            _ => {}
        }
    }

    /// When everything is stable.
    pub fn afterwards(self, case: &Case) {
        match self {
            Self::BackAndForth | Self::Reapply | Self::Suspend => case.world.accounts("targets", A),
            Self::EditUnknown => case.world.accounts("targets", B),
            _ => {}
        }
    }

    /// Checks the result, in addition to the checks of every case.
    pub fn check(self, case: &Case) -> Result<(), String> {
        let world = &case.world;
        match self {
            Self::Restart => {
                let requests = case.requests();
                ensure(requests == 2, || {
                    format!("{requests} requests, but only the 2 from before the restart are allowed")
                })
            }
            Self::ResolveDismiss => {
                let audience = world.get(Kind::Accounts, "targets");
                ensure(reason(&audience) == "Dismissed", || format!("the reason of targets is {:?}", reason(&audience)))
            }
            Self::Policy => {
                let requests = case.requests();
                ensure(requests <= 2, || format!("{requests} requests, but the policy allows 2"))
            }
            _ => Ok(()),
        }
    }
}

/// Resolves the only attempt of the only receipt, like a person.
fn resolve(case: &Case, decision: &str) {
    let receipt = case.world.receipt();
    case.resolve(&receipt, &receipt["record"]["attempts"][0], decision);
}
