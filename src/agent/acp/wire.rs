//! Messages as lines: JSON-RPC 2.0.

use serde::Serialize;
use serde_json::{Value, json};

/// The code of a request for something that is not there.
const NO_SUCH_METHOD: i64 = -32601;

/// A message of the program.
#[derive(Debug)]
pub(super) enum Message {
    /// An answer to the request of this number.
    Answer(i64, Result<Value, Value>),
    /// A request, with what its answer is named by.
    Request(Value, String, Value),
    /// News, to which nothing is answered.
    News(String, Value),
}

/// Reads a line; one that is no message says nothing: programs print other things too.
pub(super) fn read(line: &str) -> Option<Message> {
    let Value::Object(mut message) = serde_json::from_str(line).ok()? else { return None };
    let id = message.remove("id").filter(|id| !id.is_null());
    let params = message.remove("params").unwrap_or_default();
    let method = message.remove("method").and_then(|method| Some(method.as_str()?.to_owned()));
    match (id, method) {
        (Some(id), Some(method)) => Some(Message::Request(id, method, params)),
        (None, Some(method)) => Some(Message::News(method, params)),
        (Some(id), None) => {
            let error = message.remove("error").filter(|error| !error.is_null());
            let told = error.map_or_else(|| message.remove("result").map(Ok), |error| Some(Err(error)))?;
            Some(Message::Answer(id.as_i64()?, told))
        }
        (None, None) => None,
    }
}

/// A request of ours.
pub(super) fn request(id: i64, method: &str, params: &impl Serialize) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": value(params) }).to_string()
}

/// News of ours.
pub(super) fn news(method: &str, params: &impl Serialize) -> String {
    json!({ "jsonrpc": "2.0", "method": method, "params": value(params) }).to_string()
}

/// An answer of ours.
pub(super) fn answer(id: &Value, result: &impl Serialize) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "result": value(result) }).to_string()
}

/// An answer of ours to what is not offered.
pub(super) fn not_offered(id: &Value, method: &str) -> String {
    let error = json!({ "code": NO_SUCH_METHOD, "message": format!("`{method}` is not offered") });
    json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string()
}

fn value(params: &impl Serialize) -> Value {
    serde_json::to_value(params).unwrap_or_default()
}
