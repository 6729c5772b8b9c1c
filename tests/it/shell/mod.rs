//! The shell beside a running daemon, by the built binary: what `plan` foretells is then written and nothing else, tables and JSON of
//! engineers, the configuration as it is read, the manual. Not here: what single commands print for given answers (`cli/tests`).

mod help;
mod plan;
mod reports;
mod story;
