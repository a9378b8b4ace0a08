ai-sdlc mission new --list
ai-sdlc mission new sign-up --template feature
ai-sdlc role new releaser --description "Makes a release, and says what is in it."
ai-sdlc skill new deploying
