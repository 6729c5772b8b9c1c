//! The built-in model of Google behind Google's HTTP. Imports nothing of the client.

pub mod broker;
