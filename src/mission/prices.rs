//! `prices.toml`: what models cost. One ships with this program; a person's and a project's lie over it, model by model.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Finding, codes, has_errors, sort};
use crate::mission::check::marker::Marker;
use crate::mission::explain::read;
use crate::mission::field::number::{Dollars, Signed};
use crate::mission::spans::{Document, escape};
use crate::price::{Price, Prices};

/// The prices that ship.
const SHIPPED: &str = include_str!("../../prices.toml");

/// What models cost.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ai-sdlc prices")]
pub struct PricesFile {
    /// Version of this format: 1.
    #[schemars(example = 1, extend("default" = 1))]
    pub version: Option<Signed>,
    /// Where its prices are from; for people.
    #[schemars(example = &"https://example.com/pricing")]
    pub source: Option<String>,
    /// As of which day; for people.
    #[schemars(example = &"2026-11-21")]
    pub date: Option<String>,
    /// Prices by the id of the model, as its agent names it; `*` in it stands for anything.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, PriceFile>")]
    pub models: IndexMap<String, PriceFile>,
}

/// What a model costs, in US dollars for a million tokens.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceFile {
    /// Tokens that it reads.
    #[schemars(example = 3.0)]
    pub input: Dollars,
    /// Tokens that it writes, while thinking too.
    #[schemars(example = 15.0)]
    pub output: Dollars,
    /// Tokens read from its cache; as `input` where left out.
    #[schemars(example = 0.3)]
    pub cache_read: Option<Dollars>,
    /// Tokens written into its cache; as `input` where left out.
    #[schemars(example = 3.75)]
    pub cache_write: Option<Dollars>,
    /// Other names of the same model; `*` in them stands for anything.
    #[serde(default)]
    #[schemars(example = ["my-proxy/sonnet-*"])]
    pub also: Vec<String>,
    /// Who makes it; for people, and to tell which prices a run may need.
    #[schemars(example = &"anthropic")]
    pub vendor: Option<String>,
    /// Where this price is from, where not from where all are.
    #[schemars(example = &"our contract")]
    pub source: Option<String>,
    /// As of which day, where not as all are.
    #[schemars(example = &"2026-11-21")]
    pub date: Option<String>,
}

/// One model's price, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The price.
    #[serde(flatten)]
    pub price: Price,
    /// Other names of the model.
    pub also: Vec<String>,
    /// Who makes it.
    pub vendor: Option<String>,
    /// Where the price is from.
    pub source: Option<String>,
    /// As of which day.
    pub date: Option<String>,
    /// Whose file says so.
    #[serde(skip)]
    pub ships: Ships,
}

/// Whether a price comes with this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ships {
    /// It does.
    Yes,
    /// Somebody wrote it here.
    No,
}

/// Prices by model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceList {
    /// By the id under which each is listed.
    pub models: BTreeMap<String, Listed>,
}

/// A file of prices as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadedPrices {
    /// What it says; `None` where a finding is an error.
    pub list: Option<PriceList>,
    /// Everything found, by place.
    pub findings: Vec<Finding>,
}

impl PriceList {
    /// Those that ship.
    pub fn shipped() -> Self {
        let mut list = load("prices.toml", SHIPPED).list.unwrap_or_default();
        for listed in list.models.values_mut() {
            listed.ships = Ships::Yes;
        }
        list
    }

    /// These over others, model by model.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let mut models = below.models;
        models.extend(self.models);
        Self { models }
    }

    /// The prices of those for which this holds, under each of their names; a model's own entry goes before another's
    /// other name.
    pub fn prices(&self, of: impl Fn(&Listed) -> bool) -> Prices {
        let chosen = || self.models.iter().filter(|(_, listed)| of(listed));
        let also = chosen().flat_map(|(_, listed)| listed.also.iter().map(move |name| (name, listed)));
        let own = chosen();
        Prices(also.chain(own).map(|(name, listed)| (name.clone(), listed.price)).collect())
    }
}

/// Reads a file of prices. `file` is its name as findings show it.
pub fn load(file: &str, text: &str) -> LoadedPrices {
    let (mut document, errors) = Document::parse(text);
    let mut findings = Vec::new();
    let read = read::<PricesFile>(file, &mut document, &errors, &mut findings);
    let list = read.map(|read| {
        let file_says = read.file;
        let mut marker = Marker::new(file, &document, &mut findings);
        marker.version(file_says.version);
        check(&mut marker, &file_says.models);
        list(file_says)
    });
    sort(&mut findings);
    LoadedPrices { list: list.filter(|_| !has_errors(&findings)), findings }
}

fn list(file: PricesFile) -> PriceList {
    let PricesFile { version: _, source, date, models } = file;
    let listed = |of: PriceFile| {
        let input = of.input.usd();
        Listed {
            price: Price {
                input,
                output: of.output.usd(),
                cache_read: of.cache_read.map_or(input, Dollars::usd),
                cache_write: of.cache_write.map_or(input, Dollars::usd),
            },
            also: of.also,
            vendor: of.vendor,
            source: of.source.or_else(|| source.clone()),
            date: of.date.or_else(|| date.clone()),
            ships: Ships::No,
        }
    };
    PriceList { models: models.into_iter().map(|(name, of)| (name, listed(of))).collect() }
}

fn check(marker: &mut Marker<'_>, models: &IndexMap<String, PriceFile>) {
    let mut known: BTreeMap<&str, String> = BTreeMap::new();
    for (name, price) in models {
        let pointer = format!("/models/{}", escape(name));
        let span = marker.key(&pointer);
        name_says_something(marker, span, name);
        known.insert(name, pointer.clone());
        if price.output < price.input {
            marker
                .warning(codes::PRICE_ODD, span, format!("`{name}` writes cheaper than it reads"))
                .help("write US dollars for a million tokens: what it reads is `input`, what it writes `output`");
        }
    }
    for (name, price) in models {
        for (at, other) in price.also.iter().enumerate() {
            let pointer = format!("/models/{}/also/{at}", escape(name));
            let span = marker.value(&pointer);
            name_says_something(marker, span, other);
            if let Some(first) = known.insert(other, pointer) {
                let first = marker.key(&first);
                marker
                    .error(codes::PRICE_TWICE, span, format!("`{other}` has a price already"))
                    .help("keep one of the two")
                    .related(first, "the other");
            }
        }
    }
}

/// A name that stands for every model would be a price for what nobody knows.
fn name_says_something(marker: &mut Marker<'_>, span: crate::diagnostic::ByteSpan, name: &str) {
    let says = name.chars().any(|c| c != '*') && !name.chars().any(|c| c.is_whitespace() || c.is_control());
    if !says {
        marker
            .error(codes::PRICE_NAME, span, format!("`{name}` names no model"))
            .help("write the id of a model as its agent names it, such as `claude-sonnet-5-5` or `gpt-5.5*`");
    }
}

#[cfg(test)]
mod tests {
    use super::{PriceList, load};
    use crate::amount::{TokenUse, Usd};

    fn list(text: &str) -> PriceList {
        let loaded = load("p.toml", text);
        assert_eq!(loaded.findings, []);
        loaded.list.unwrap()
    }

    #[test]
    fn what_ships_is_sound_and_has_what_people_use() {
        let loaded = load("prices.toml", super::SHIPPED);
        assert_eq!(loaded.findings, []);
        let shipped = PriceList::shipped();
        assert!(shipped.models.len() >= 60, "{}", shipped.models.len());
        for (name, listed) in &shipped.models {
            assert!(listed.source.is_some() && listed.date.is_some() && listed.vendor.is_some(), "{name}");
            assert!(listed.price.input > Usd::ZERO && listed.price.output >= listed.price.input, "{name}");
            assert!(listed.price.cache_read <= listed.price.input, "{name}");
        }
        let prices = shipped.prices(|_| true);
        let tokens = TokenUse { input: 200, output: 40, ..TokenUse::default() };
        let cost = |model: &str| prices.of(model).map(|price| price.of(&tokens));
        assert_eq!(cost("claude-sonnet-5-5"), Some(Usd(800)), "what the program itself charged for that");
        assert_eq!(cost("openai/gpt-5.5-2026-04-23"), Some(Usd(2_200)));
        assert_eq!(cost("gemini-2.5-pro"), Some(Usd(650)));
        assert_eq!(cost("gpt-99"), None);
    }

    #[test]
    fn the_later_file_wins_model_by_model() {
        let below = list("[models.a]\ninput = 1.0\noutput = 2.0\nalso = [\"x\"]\n[models.b]\ninput = 1\noutput = 2\n");
        let above = list("source = \"us\"\n[models.a]\ninput = 3.0\noutput = 4.0\ncache_read = 0\n");
        let both = above.over(below);
        let prices = both.prices(|_| true);
        let a = prices.of("a").unwrap();
        assert_eq!((a.input, a.cache_read, a.cache_write), (Usd(3_000_000), Usd::ZERO, Usd(3_000_000)));
        assert_eq!(prices.of("x"), None, "an entry is replaced whole");
        assert_eq!(prices.of("b").unwrap().input, Usd(1_000_000));
        assert_eq!(both.models["a"].source.as_deref(), Some("us"));
    }

    #[test]
    fn a_price_of_nothing_may_be_said_and_no_price_may_be_less() {
        assert_eq!(
            list("[models.local]\ninput = 0\noutput = 0\n").prices(|_| true).of("local").unwrap().input,
            Usd::ZERO
        );
        for (text, code) in [
            ("[models.a]\ninput = -1\noutput = 1\n", "mission::out-of-range"),
            ("[models.a]\noutput = 1\n", "mission::missing-key"),
            ("[models.a]\ninput = 1\noutput = 1\nprice = 2\n", "mission::unknown-key"),
            ("[models.\"*\"]\ninput = 1\noutput = 1\n", "mission::price-name"),
            ("[models.a]\ninput = 2\noutput = 1\n", "mission::price-odd"),
            ("[models.a]\ninput = 1\noutput = 1\nalso = [\"a\"]\n", "mission::price-twice"),
        ] {
            let findings = load("p.toml", text).findings;
            assert_eq!(findings.iter().map(|finding| finding.code.0).collect::<Vec<_>>(), [code], "{text}");
        }
    }
}
