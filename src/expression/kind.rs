//! Types of values: what is known of a value before it exists.

use std::collections::BTreeMap;

/// What is known of a value. Where nothing is known, nothing is wrong: [`Type::Any`] fits everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Nothing is known of it.
    Any,
    /// `null`.
    Null,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number; it may be whole.
    Double,
    /// A text.
    Text {
        /// The only texts it can be, where that is known.
        options: Option<Vec<String>>,
    },
    /// A list of values of one type.
    List(Box<Self>),
    /// An object.
    Object {
        /// Its known keys.
        fields: BTreeMap<String, Self>,
        /// Whether there may be more.
        others: Others,
    },
    /// The type, or `null`.
    Nullable(Box<Self>),
}

/// Whether an object may have keys that its type does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// The named keys are all it can have.
    None,
    /// It may have more, of any type.
    Possible,
}

impl Type {
    /// Any text.
    pub fn text() -> Self {
        Self::Text { options: None }
    }

    /// One of these texts.
    pub fn one_of<'o>(options: impl IntoIterator<Item = &'o str>) -> Self {
        Self::Text { options: Some(options.into_iter().map(str::to_owned).collect()) }
    }

    /// A list of such values.
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// An object that has these keys and no others.
    pub fn object<K: Into<String>>(fields: impl IntoIterator<Item = (K, Self)>) -> Self {
        let fields = fields.into_iter().map(|(key, of)| (key.into(), of)).collect();
        Self::Object { fields, others: Others::None }
    }

    /// This, or null.
    #[must_use]
    pub fn nullable(self) -> Self {
        match self {
            known @ (Self::Any | Self::Null | Self::Nullable(_)) => known,
            known @ (Self::Bool
            | Self::Int
            | Self::Double
            | Self::Text { .. }
            | Self::List(_)
            | Self::Object { .. }) => Self::Nullable(Box::new(known)),
        }
    }

    /// What it is when it is not null.
    pub fn present(&self) -> &Self {
        match self {
            Self::Nullable(of) => of,
            Self::Any
            | Self::Null
            | Self::Bool
            | Self::Int
            | Self::Double
            | Self::Text { .. }
            | Self::List(_)
            | Self::Object { .. } => self,
        }
    }

    /// What is known of a value that is of one type or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Null, of) | (of, Self::Null) => of.nullable(),
            (Self::Nullable(one), Self::Nullable(other)) => one.or(*other).nullable(),
            (Self::Nullable(one), other) | (other, Self::Nullable(one)) => one.or(other).nullable(),
            (Self::Int, Self::Double) | (Self::Double, Self::Int) => Self::Double,
            (Self::Text { options: one }, Self::Text { options: other }) => Self::Text { options: both(one, other) },
            (Self::List(one), Self::List(other)) => Self::list(one.or(*other)),
            (Self::Object { fields: one, .. }, Self::Object { fields: mut other, .. }) => {
                let shared = one.into_iter().filter_map(|(key, of)| other.remove(&key).map(|more| (key, of.or(more))));
                Self::Object { fields: shared.collect(), others: Others::Possible }
            }
            _ => Self::Any,
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Double)
    }

    /// In words for people: "a list of texts".
    pub(super) fn described(&self) -> String {
        match self {
            Self::Any => "any value".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Int => "a whole number".to_owned(),
            Self::Double => "a number".to_owned(),
            Self::Text { .. } => "text".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Object { .. } => "an object".to_owned(),
            Self::Nullable(of) => format!("{} or null", of.described()),
        }
    }
}

fn both(one: Option<Vec<String>>, other: Option<Vec<String>>) -> Option<Vec<String>> {
    let mut all = one?;
    for option in other? {
        if !all.contains(&option) {
            all.push(option);
        }
    }
    Some(all)
}
