//! Bounds on how many lists and files are read at once.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::controller::kube::cluster::CallError;

/// Lists that are read at once: each may be large.
const READ_AT_ONCE: usize = 2;

/// Files that are fetched at once.
const FETCHED_AT_ONCE: usize = 4;

/// Bounds on what is read at once.
pub struct Turns {
    local: Semaphore,
    /// Lists with a file that must be fetched, so that a slow server delays no others.
    remote: Semaphore,
    downloads: Semaphore,
    /// Polls for changes, which must not take the place of a list that is to be sent.
    polls: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            local: Semaphore::new(READ_AT_ONCE),
            remote: Semaphore::new(READ_AT_ONCE),
            downloads: Semaphore::new(FETCHED_AT_ONCE),
            polls: Semaphore::new(FETCHED_AT_ONCE),
        }
    }
}

impl Turns {
    /// A turn to read a list, with a file that must be fetched or without.
    ///
    /// # Errors
    /// While the process ends.
    pub async fn list(&self, is_remote: bool) -> Result<SemaphorePermit<'_>, CallError> {
        acquire(if is_remote { &self.remote } else { &self.local }).await
    }

    /// A turn to poll a file for changes.
    ///
    /// # Errors
    /// While the process ends.
    pub async fn poll(&self) -> Result<SemaphorePermit<'_>, CallError> {
        acquire(&self.polls).await
    }

    /// A turn to download a file.
    ///
    /// # Errors
    /// While the process ends.
    pub async fn download(&self) -> Result<SemaphorePermit<'_>, CallError> {
        acquire(&self.downloads).await
    }
}

async fn acquire(turns: &Semaphore) -> Result<SemaphorePermit<'_>, CallError> {
    turns.acquire().await.map_err(|_| CallError::Unclear)
}
