//! What only this store promises: files that outlive the process, damage that is found, one process at a time.

use super::*;
use crate::store::contract;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_and_shows_the_same_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(Embedded::open(directory.path()).unwrap());
    contract::check(&store).await;
    let before = contract::picture(&*store).await;
    drop(store);
    let again = Embedded::open(directory.path()).unwrap();
    assert_eq!(contract::picture(&again).await, before);
}
