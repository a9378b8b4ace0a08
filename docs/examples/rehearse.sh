cargo run --release -- mission rehearse missions/web-app.toml
