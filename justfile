# What developers do often. `just` lists it; nothing here is needed to use the program.

_default:
    @just --list

# All of CI.
ci:
    .ci/run

# What to run before a commit: minutes less than CI.
check:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    cargo test --locked
    cargo run --quiet --locked -- schema --check
    cargo run --quiet --locked -- mission validate --deny-warnings

# Takes over what has changed on purpose: generated schemas and pages, and snapshots of tests.
bless:
    UPDATE=1 cargo test --locked --test it generated::
    INSTA_UPDATE=always cargo test --locked

# Measures; see docs/performance.md. `just bench --tasks 10000`
bench *ARGS:
    cargo bench --locked --bench engine -- {{ARGS}}
