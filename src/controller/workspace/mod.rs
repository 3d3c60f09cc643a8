//! Reconciles a `PropensityWorkspace`: its key, its ledger, its gate, and the health that its status reports.

mod anchor;
pub mod reconcile;
