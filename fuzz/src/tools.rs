//! What is said at the socket of a session, by agents and whatever they start.

use ai_sdlc::session::tools::protocol::{Answer, parse};

/// A request, or an answer. What is understood is written as what is read back.
#[expect(clippy::unnecessary_wraps, reason = "the bodies are called alike")]
pub fn tools(data: &[u8]) -> Option<bool> {
    if let Ok(answer) = serde_json::from_slice::<Answer>(data) {
        let text = serde_json::to_vec(&answer).expect("an answer can be written");
        assert_eq!(serde_json::from_slice::<Answer>(&text).ok(), Some(answer));
        return Some(true);
    }
    match parse(data) {
        Ok(request) => {
            let text = serde_json::to_vec(&request).expect("a request can be written");
            assert_eq!(parse(&text), Ok(request));
            Some(true)
        }
        Err(why) => {
            assert!(!why.is_empty());
            Some(false)
        }
    }
}
