cargo install --path /path/to/this/checkout
ai-sdlc mission new web-app --template web-app
ai-sdlc mission plan web-app
ai-sdlc mission run web-app --agent claude --input feature="Invoices can be exported as CSV" --input server=api --input client=web
