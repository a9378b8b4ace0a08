//! Codes of findings about prices.

use crate::diagnostic::entry::codes;

codes! {
    PRICES;

    PRICE_NAME = "mission::price-name",
        "A price stands under a name that is no model's.",
        "Write the id of a model, as its agent names it; `*` may stand for a part of it.",
        files([".ai-sdlc/prices.toml": r#"[models."*"]
input = 3.0
output = 15.0
"#] => [".ai-sdlc/prices.toml": r#"[models."claude-sonnet-5-*"]
input = 3.0
output = 15.0
"#]);

    PRICE_TWICE = "mission::price-twice",
        "A model has two prices in one file.",
        "Keep one of them.",
        files([".ai-sdlc/prices.toml": r#"[models.small]
input = 0.1
output = 0.5

[models.large]
input = 2.0
output = 10.0
also = ["small"]
"#] => [".ai-sdlc/prices.toml": r#"[models.small]
input = 0.1
output = 0.5

[models.large]
input = 2.0
output = 10.0
also = ["big"]
"#]);

    PRICE_ODD = "mission::price-odd",
        "A model writes cheaper than it reads, which none does.",
        "Look whether `input` and `output` are swapped.",
        files([".ai-sdlc/prices.toml": r#"[models.small]
input = 15.0
output = 3.0
"#] => [".ai-sdlc/prices.toml": r#"[models.small]
input = 3.0
output = 15.0
"#]);
}
