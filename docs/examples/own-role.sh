ai-sdlc role new my-dev --from backend-dev
ai-sdlc role render my-dev --mission missions/web-app.toml --task api
