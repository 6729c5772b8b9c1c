# Short names for what CONTRIBUTING.md tells; each recipe is one command that also works without just.

# Every test; installs RabbitMQ where it may.
test *args:
    ./test {{args}}

# What CI refuses: format and warnings.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings

fmt:
    cargo fmt

# Sandbox, broker, store and daemon in one process.
demo *args:
    cargo run --release -- demo {{args}}

bench *args:
    cargo bench --bench chain {{args}}

# Speed beside a consumer that keeps nothing; needs RabbitMQ.
speed *args:
    cargo bench --bench speed -- {{args}}

# The Debian package; needs cargo-deb.
deb:
    cargo build --release
    deploy/deb/assets target/release/carepass
    cargo deb --no-build
