cargo install --path /path/to/this/checkout
ai-sdlc mission validate missions/web-app.toml
ai-sdlc mission plan missions/web-app.toml
ai-sdlc mission run missions/web-app.toml --agent claude --input feature="Invoices can be exported as CSV" --input server=api --input client=web
