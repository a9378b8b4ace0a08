//! The JSON Schemas of the language, generated from its literal types: for editors, and to explain what does not fit.

use std::sync::OnceLock;

use jsonschema::Validator;
use schemars::JsonSchema;
use serde_json::Value;

use crate::catalog::schema::{generate, of_input};
use crate::mission::config::ConfigFile;
use crate::mission::file::MissionFile;
use crate::mission::prices::PricesFile;

/// The schema of mission files: draft-07, pretty, with a newline at the end.
pub fn mission_schema() -> String {
    of_input::<MissionFile>("mission")
}

/// The schema of `.ai-sdlc/config.toml`.
pub fn config_schema() -> String {
    of_input::<ConfigFile>("config")
}

/// The schema of `prices.toml`.
pub fn prices_schema() -> String {
    of_input::<PricesFile>("prices")
}

/// A schema and the validator made of it, at most once each.
#[derive(Debug)]
pub struct Explainer {
    /// The schema.
    pub schema: Value,
    /// What it refuses.
    pub validator: Validator,
}

/// A literal type with its explainer.
pub trait Explained: JsonSchema + serde::de::DeserializeOwned {
    /// Its explainer: built when the first file does not fit, because building it costs more than most files.
    fn explainer() -> Option<&'static Explainer>;
}

impl Explained for MissionFile {
    fn explainer() -> Option<&'static Explainer> {
        static ONCE: OnceLock<Option<Explainer>> = OnceLock::new();
        ONCE.get_or_init(explainer::<Self>).as_ref()
    }
}

impl Explained for ConfigFile {
    fn explainer() -> Option<&'static Explainer> {
        static ONCE: OnceLock<Option<Explainer>> = OnceLock::new();
        ONCE.get_or_init(explainer::<Self>).as_ref()
    }
}

impl Explained for PricesFile {
    fn explainer() -> Option<&'static Explainer> {
        static ONCE: OnceLock<Option<Explainer>> = OnceLock::new();
        ONCE.get_or_init(explainer::<Self>).as_ref()
    }
}

/// Makes an explainer.
pub(crate) fn explainer<T: JsonSchema>() -> Option<Explainer> {
    let schema = generate::<T>().to_value();
    let validator = jsonschema::draft7::options().offline().build(&schema).ok()?;
    Some(Explainer { schema, validator })
}
