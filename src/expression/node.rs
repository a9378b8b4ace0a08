//! The syntax tree of the mission's CEL: what is left when everything that a mission cannot use is refused.

/// One expression, and where it stands in the text, in bytes.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) what: What,
    pub(super) offset: usize,
    pub(super) end: usize,
}

/// What an expression is.
#[derive(Debug, Clone)]
pub(super) enum What {
    Null,
    Bool,
    Int,
    Double,
    Text(String),
    /// A literal that JSON does not know: bytes or an unsigned number.
    Foreign,
    Name(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Not(Box<Node>),
    Minus(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    /// `condition ? this : that`.
    Choice(Box<Node>, Box<Node>, Box<Node>),
    Field(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
    /// `has(a.b)`.
    Has(Box<Node>, String),
    /// A function, of a value where it is called on one.
    Call {
        name: String,
        on: Option<Box<Node>>,
        arguments: Vec<Node>,
    },
    /// A macro that goes over a list.
    Loop(Loop),
}

/// A macro that goes over a list, or over the keys of a map.
#[derive(Debug, Clone)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) over: Box<Node>,
    pub(super) variable: String,
    /// What must hold of an element.
    pub(super) condition: Option<Box<Node>>,
    /// What `map` makes of it.
    pub(super) value: Option<Box<Node>>,
}

/// Which macro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopKind {
    /// `all`, `exists`, `exists_one`: true or false.
    Question,
    /// `filter`.
    Filter,
    /// `map`.
    Map,
}

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::And => "&&",
            Self::Or => "||",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl Node {
    /// The names that lead to a value: `tasks.plan.status`, `tasks["plan"].status`. Nothing for other expressions.
    pub(super) fn path(&self) -> Option<Vec<&str>> {
        if let What::Name(name) = &self.what {
            return Some(vec![name]);
        }
        let (of, name) = if let What::Field(of, name) | What::Has(of, name) = &self.what {
            (of, name)
        } else if let What::Index(of, at) = &self.what
            && let What::Text(name) = &at.what
        {
            (of, name)
        } else {
            return None;
        };
        let mut path = of.path()?;
        path.push(name);
        Some(path)
    }
}
