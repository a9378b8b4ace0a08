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

# Injects the faults of docs/promises.md, all of them, and prints what was survived: an hour, on both cores.
# `just chaos AI_SDLC_PROMISES=1,4 AI_SDLC_SEED=7 AI_SDLC_SHARE=0.1`; `UPDATE=1` writes the rows into the page.
chaos *ARGS:
    {{ARGS}} cargo test --locked --test it promises::long_form -- --ignored --exact --nocapture

# The promises that the kernel keeps in virtual time: clocks that jump, budgets, the fold of the events; some minutes.
# `just chaos-kernel AI_SDLC_SEED=7`
chaos-kernel *ARGS:
    AI_SDLC_PLAYS=2500 {{ARGS}} cargo test --locked --lib kernel::tests -- --nocapture

# Fuzzes one target (fuzz/README.md) for so many seconds; needs nightly and cargo-fuzz.
fuzz TARGET SECONDS="1200":
    mkdir -p fuzz/target/corpus/{{TARGET}}
    cargo +nightly fuzz run --sanitizer none {{TARGET}} fuzz/target/corpus/{{TARGET}} fuzz/corpus/{{TARGET}} -- \
        -max_total_time={{SECONDS}} -timeout=10 -rss_limit_mb=2048 {{ if path_exists("fuzz/dict/" + TARGET + ".dict") == "true" { "-dict=fuzz/dict/" + TARGET + ".dict" } else { "" } }}
