//! What a session left to hand over: raw texts, bounded, best first. What they mean is read elsewhere.

use std::path::Path;

use crate::agent::{MAX_HANDOFF, SessionSpec, Stream, bounded};
use crate::handoff::Source;
use crate::handoff::fenced_block;
use crate::session::host::exchange;

/// Handoff texts, the best source first.
pub(super) fn found(spec: &SessionSpec, stream: &Stream) -> Vec<(Source, String)> {
    let structured = stream.handoff().map(|text| (Source::Structured, text.to_owned()));
    let file = read(spec, &spec.handoff_out).map(|text| (Source::File, text));
    let message = fenced_block(stream.message()).map(|text| (Source::Message, bounded(&text, MAX_HANDOFF).to_owned()));
    let texts = [structured, file, message].into_iter().flatten();
    let texts = texts.map(|(source, text)| (source, spec.mask.text(&text).into_owned()));
    texts.filter(|(_, text)| !text.trim().is_empty()).collect()
}

/// The text of the outputs file, where there is one.
pub(super) fn outputs(spec: &SessionSpec) -> Option<String> {
    read(spec, &spec.outputs_file).map(|text| spec.mask.text(&text).into_owned())
}

/// Reads a file that an agent may have put there: a plain file only, never through a link, never waiting.
fn read(spec: &SessionSpec, path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let exchange = exchange(spec, path)?;
    let bytes = exchange.read(name, u64::try_from(MAX_HANDOFF).ok()?)?;
    let text = String::from_utf8_lossy(&bytes);
    if spec.mask.finds(&bytes) {
        // It stays there until the workspace goes.
        exchange.write(name, &spec.mask.text(&text)).ok()?;
    }
    Some(bounded(&text, MAX_HANDOFF).to_owned())
}
