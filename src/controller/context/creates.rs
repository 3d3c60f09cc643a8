//! What sending a create needs: the Propensity API, the pace of each key, the daily budget, and the attempts of this
//! process.

use crate::controller::state::attempts::Attempts;
use crate::controller::state::budgets::Budgets;
use crate::controller::state::gates::Gates;
use crate::propensity::{BaseUrl, Client};

/// What sending a create needs.
pub struct Creates {
    /// The Propensity API, or why no key may be sent to it.
    pub api: Result<Api, String>,
    /// Pace, breaker and pauses of each key.
    pub gates: Gates,
    /// The creates of the day.
    pub budgets: Budgets,
    /// The attempts of this process.
    pub attempts: Attempts,
}

/// The Propensity API.
pub struct Api {
    /// Its address.
    pub base: BaseUrl,
    /// The client.
    pub client: Client,
}

impl Creates {
    /// Host of the API, as it is part of identities.
    ///
    /// # Errors
    /// Why no key may be sent there.
    pub fn host(&self) -> Result<&str, String> {
        self.api.as_ref().map(|api| api.base.host()).map_err(Clone::clone)
    }
}
