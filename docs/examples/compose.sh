ai-sdlc mission new invoices --template api-service
ai-sdlc mission plan invoices
ai-sdlc mission rehearse invoices
