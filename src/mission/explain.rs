//! From text to a literal type, or what does not fit: every key and value at its own place.
//!
//! The typed load is the fast way; only when it fails is the schema asked why. What does not fit is then taken out
//! (a misspelt key is taken as the one that was meant), so that the rest can still be checked for its meaning.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::diagnostic::{Finding, codes};
use crate::mission::load::load;
use crate::mission::misfit::{Cure, Misfit, misfits};
use crate::mission::schema::Explained;
use crate::mission::spans::{Document, SyntaxError, escape, unescape};

/// A literal type, and which parts of the file are not in it.
#[derive(Debug)]
pub struct Read<T> {
    /// What could be read.
    pub file: T,
    /// JSON pointers of what did not fit and was left out.
    pub left_out: BTreeSet<String>,
}

/// How often the rest is tried again after something was taken out.
const TRIES: usize = 5;

/// Reads a literal type; `None` where nothing can be made of the text. Syntax errors stop here.
pub fn read<T: Explained>(
    file: &str,
    document: &mut Document<'_>,
    errors: &[SyntaxError],
    findings: &mut Vec<Finding>,
) -> Option<Read<T>> {
    let (mut value, bad_numbers) = document.to_value();
    for error in errors {
        let finding = Finding::error(codes::SYNTAX, file, error.span, error.message.clone());
        findings.push(finding.with_help("mend the TOML here; nothing else is checked before"));
    }
    for span in &bad_numbers {
        let help = "write a finite number of at most 64 bits";
        findings.push(Finding::error(codes::NUMBER, file, *span, "this number cannot be represented").with_help(help));
    }
    if !errors.is_empty() {
        return None;
    }
    let mut left_out = BTreeSet::new();
    for attempt in 0..TRIES {
        let why = match load::<T>(&value) {
            Ok(file) => return Some(Read { file, left_out }),
            Err(why) => why,
        };
        let found = T::explainer().map(|explainer| misfits(explainer, &value)).unwrap_or_default();
        if found.is_empty() {
            // The test that compares schema and types says that this cannot be; if it is, it is told and not hidden.
            findings.push(Finding::error(codes::WRONG_TYPE, file, document.spot("").value, why.to_string()));
            return None;
        }
        if attempt == 0 {
            findings.extend(found.iter().map(|misfit| misfit.finding(file, document)));
        }
        for misfit in found {
            cure(&mut value, &misfit, document, &mut left_out);
        }
    }
    None
}

fn cure(value: &mut Value, misfit: &Misfit, document: &mut Document<'_>, left_out: &mut BTreeSet<String>) {
    match &misfit.cure {
        Cure::LeaveOut => leave_out(value, &misfit.pointer, left_out),
        Cure::TakeAs(key) => {
            if let Some(meant) = take_as(value, &misfit.pointer, key, left_out) {
                document.take_as(meant, misfit.pointer.clone());
            }
        }
        Cure::Supply(key, missing) => {
            if let Some(Value::Object(map)) = value.pointer_mut(&misfit.pointer) {
                map.entry(key.clone()).or_insert_with(|| missing.clone());
                left_out.insert(format!("{}/{key}", misfit.pointer));
            }
        }
    }
}

/// Takes a value out; an element of a list takes the list with it, so that places of the others stay right.
fn leave_out(value: &mut Value, pointer: &str, left_out: &mut BTreeSet<String>) {
    let mut pointer = pointer;
    while let Some((parent, key)) = pointer.rsplit_once('/') {
        if let Some(Value::Object(map)) = value.pointer_mut(parent) {
            map.shift_remove(&unescape(key));
            left_out.insert(pointer.to_owned());
            return;
        }
        pointer = parent;
    }
}

/// Gives a value the key that was meant; the new pointer, where nothing stands there already.
fn take_as(value: &mut Value, pointer: &str, meant: &str, left_out: &mut BTreeSet<String>) -> Option<String> {
    left_out.insert(pointer.to_owned());
    let (parent, key) = pointer.rsplit_once('/')?;
    let Some(Value::Object(map)) = value.pointer_mut(parent) else { return None };
    let inner = map.shift_remove(&unescape(key))?;
    if map.contains_key(meant) {
        return None;
    }
    map.insert(meant.to_owned(), inner);
    Some(format!("{parent}/{}", escape(meant)))
}
