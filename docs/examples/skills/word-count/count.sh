wc -w < "$AI_SDLC_PARAM_FILE"
