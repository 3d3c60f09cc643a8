//! What users do while the operator is tortured: each scenario in its few steps.

use serde_json::json;

use super::case::Case;
use crate::support::Kind;
use crate::support::call::Call;
use crate::support::objects::reason;
use crate::support::programs::numbered;
use crate::support::wait::ensure;

/// A story of a user. What it calls `midway` is done while the world stands still for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scenario {
    /// The operator starts, and a list is there.
    Create,
    /// The operator starts where one list is created and another unknown.
    Restart,
    /// A list is applied, and midway another in its place.
    Edit,
    /// The same, and afterwards the first again.
    BackAndForth,
    /// A list is applied, midway deleted, and afterwards applied again.
    Reapply,
    /// A list is applied, and midway the workspace gets another key.
    Rotate,
    /// A list is applied, midway suspended, and afterwards resumed.
    Suspend,
    /// Two audiences of the same list.
    Twins,
    /// An unknown outcome is found in the workspace.
    SettleCreated,
    /// An unknown outcome is sent again.
    SettleAgain,
    /// An unknown outcome is dismissed.
    SettleDismiss,
    /// The list of an unknown outcome is edited, midway edited back, and afterwards edited again.
    EditUnknown,
    /// The policy sends an unknown outcome again.
    Policy,
}

/// The lists that take turns.
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
        Self::SettleCreated,
        Self::SettleAgain,
        Self::SettleDismiss,
        Self::EditUnknown,
        Self::Policy,
    ];

    /// Whether the trap is set before the operator starts, and not when it is idle.
    pub fn is_trapped_from_the_start(self) -> bool {
        matches!(self, Self::Create | Self::Restart)
    }

    /// Whether something happens in it while the world stands still.
    pub fn has_midway(self) -> bool {
        use Scenario::{BackAndForth, Edit, EditUnknown, Reapply, Rotate, Suspend};
        matches!(self, Edit | BackAndForth | EditUnknown | Reapply | Rotate | Suspend)
    }

    /// Which requests it makes for certain, and how many of each.
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
            Self::SettleCreated | Self::SettleDismiss => {
                &[(Call::Lease, 1), (Call::Resolution, 1), (Call::Status, 2), (Call::Event, 1)]
            }
            Self::SettleAgain => &[
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

    /// How many outcomes are unknown in it for certain, since the API loses answers.
    pub fn unknowns(self) -> usize {
        match self {
            Self::Restart
            | Self::SettleCreated
            | Self::SettleAgain
            | Self::SettleDismiss
            | Self::EditUnknown
            | Self::Policy => 1,
            _ => 0,
        }
    }

    /// Before an operator runs.
    pub fn found(self, case: &Case) {
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
            Self::SettleCreated => {
                world.simulator.borrow().fault(json!({"fault": "closeAfterStoring", "times": 1}));
            }
            Self::SettleAgain | Self::SettleDismiss | Self::EditUnknown => {
                world.simulator.borrow().fault(json!({"fault": "status", "status": 502, "times": 1}));
            }
            _ => {}
        }
        world.connect_with(workspace);
        if self == Self::Create {
            world.accounts("targets", A);
        }
    }

    /// What an operator does before the trap is set; none where nothing is to be done.
    pub fn prelude(self, case: &Case) {
        let world = &case.world;
        match self {
            Self::Restart => {
                world.accounts("open", A);
                world.settled(Kind::Accounts, "open", "OutcomeUnknown");
                world.accounts("made", B);
                world.settled(Kind::Accounts, "made", "Created");
            }
            _ if self.unknowns() == 1 && self != Self::Policy => {
                world.accounts("targets", A);
                world.settled(Kind::Accounts, "targets", "OutcomeUnknown");
            }
            _ => {
                world.workspace_has("Ready");
            }
        }
    }

    /// When the trap is set.
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
            Self::SettleCreated => settle(case, "created"),
            Self::SettleAgain => settle(case, "send-again"),
            Self::SettleDismiss => settle(case, "dismiss"),
            Self::EditUnknown => world.accounts("targets", B),
            Self::Policy => {
                let policy = json!({"unknownOutcome": {"policy": "SendAgain", "maxSends": 2, "after": "15m"}});
                world.accounts_with("targets", A, policy);
            }
        }
    }

    /// While the world stands still.
    pub fn midway(self, case: &Case) {
        let world = &case.world;
        match self {
            Self::Edit | Self::BackAndForth => world.accounts("targets", B),
            Self::EditUnknown => world.accounts("targets", A),
            Self::Reapply => world.objects.delete(Kind::Accounts, "targets"),
            Self::Suspend => world.accounts_with("targets", A, json!({"suspend": true})),
            Self::Rotate => {
                let key = numbered("another-key-of-the-simulator");
                world.simulator.borrow_mut().rotate(&key);
                world.secret("propensity", &key);
            }
            _ => {}
        }
    }

    /// When all is quiet.
    pub fn afterwards(self, case: &Case) {
        match self {
            Self::BackAndForth | Self::Reapply | Self::Suspend => case.world.accounts("targets", A),
            Self::EditUnknown => case.world.accounts("targets", B),
            _ => {}
        }
    }

    /// What must have come of it in the end, beyond what is true of every case.
    pub fn ends(self, case: &Case) -> Result<(), String> {
        let world = &case.world;
        match self {
            Self::Restart => {
                let requests = case.requests();
                ensure(requests == 2, || format!("{requests} requests, although both were sent before"))
            }
            Self::SettleDismiss => {
                let audience = world.get(Kind::Accounts, "targets");
                ensure(reason(&audience) == "Dismissed", || format!("targets is {:?}", reason(&audience)))
            }
            Self::Policy => {
                let requests = case.requests();
                ensure(requests <= 2, || format!("{requests} requests, and the policy allows 2"))
            }
            _ => Ok(()),
        }
    }
}

/// A person settles the only attempt of the only receipt.
fn settle(case: &Case, decision: &str) {
    let receipt = case.world.receipt();
    case.resolve(&receipt, &receipt["record"]["attempts"][0], decision);
}
