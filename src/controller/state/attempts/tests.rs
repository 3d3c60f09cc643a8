use futures::FutureExt;

use super::*;

#[test]
fn an_attempt_is_of_this_process_until_it_ends_and_abandoned_until_its_receipt_records_that() {
    let attempts = Attempts::default();
    assert_eq!((attempts.held("a"), attempts.count()), (HeldBy::OtherProcess, 0));
    attempts.begin("a");
    attempts.begin("b");
    assert_eq!(
        (attempts.held("a"), attempts.held("b"), attempts.count()),
        (HeldBy::ThisProcess, HeldBy::ThisProcess, 2)
    );
    attempts.end("a");
    attempts.abandon("b");
    assert_eq!(
        (attempts.held("a"), attempts.held("b"), attempts.count()),
        (HeldBy::OtherProcess, HeldBy::Abandoned, 0)
    );
    attempts.forget_abandoned("b");
    assert_eq!(attempts.held("b"), HeldBy::OtherProcess);
}

#[tokio::test]
async fn a_task_runs_to_its_end_when_nobody_waits_for_it() {
    let attempts = Attempts::default();
    let (send, receive) = tokio::sync::oneshot::channel::<()>();
    drop(attempts.spawn(receive));
    assert!(attempts.drained().now_or_never().is_none(), "it still runs");
    drop(send);
    attempts.drained().await;
}
