//! First passwords that leave by `HashiCorp` Vault, against a stand-in over HTTP. Not here: the stand-in (`fixture/vault`).

mod client;
mod joiner;
