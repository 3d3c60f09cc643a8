//! Reads workspace keys, report URLs and lists from Kubernetes objects and from HTTP servers.
//!
//! | file | contents |
//! | --- | --- |
//! | `secrets` | watches Secrets; the keys and report URLs in them |
//! | `versions` | the current version of each object that a list is read from |
//! | `remote`, `networks`, `archive` | downloads: allowed hosts and addresses, and files in Flux artifacts |
//! | `table` | parses list files |
//! | `rows` | parses reports |

pub mod archive;
pub mod networks;
pub mod remote;
pub mod rows;
pub mod secrets;
pub mod table;
pub mod versions;

pub use secrets::{KeyState, Secrets};
