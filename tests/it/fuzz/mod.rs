//! Fuzz targets: what strangers send is read without a panic, what is taken means one thing, and no value of it is told. The judges are in
//! the files of this folder; the target of the ledger's frames stands beside them (`src/store/embedded/fuzz_tests.rs`).
//! Not here: how inputs are made and failures cut down (`engine`), and messages that a broker brings (`corpus`).

mod answers;
mod configuration;
mod engine;
mod event;
mod url;
