//! What a board consists of, and nothing that Grafana alone knows.

/// A board.
#[derive(Clone, Debug)]
pub struct Board {
    /// Stable, in its address; also the file's name.
    pub uid: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// The question that it answers.
    pub description: &'static str,
    /// The service whose traces tell more, if there is one.
    pub traces: Option<&'static str>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// Panels that belong together.
#[derive(Clone, Debug)]
pub struct Row {
    /// What they are about.
    pub title: &'static str,
    /// From left to right.
    pub panels: Vec<Panel>,
}

/// One picture.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What it shows.
    pub title: &'static str,
    /// How to read it, in a sentence.
    pub description: &'static str,
    /// How.
    pub draw: Draw,
    /// In what.
    pub scale: Scale,
    /// From what.
    pub queries: Vec<Query>,
    /// When there is anything to see.
    pub feed: Feed,
}

/// One expression, with Grafana's variables in it.
#[derive(Clone, Debug)]
pub struct Query {
    /// PromQL.
    pub expr: String,
    /// What a line is called.
    pub legend: &'static str,
}

/// How a panel is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// One number each, now.
    Stat,
    /// Lines over time.
    Lines,
    /// Areas on top of each other.
    Stacked,
    /// Rows, now.
    Table,
}

/// What the numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Things.
    Count,
    /// Things a second.
    PerSecond,
    /// Things a minute.
    PerMinute,
    /// 0 to 1.
    Share,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// Minor units of a currency.
    MinorUnits,
    /// Yes or no.
    Flag,
}

/// When a panel has data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Whenever the platform runs.
    Always,
    /// Only when this goes wrong.
    OnFailure,
    /// From a program that is not ours, and is not run in the tests: this one.
    Elsewhere(&'static str),
}

impl Panel {
    /// The same, empty until something goes wrong.
    #[must_use]
    pub fn on_failure(mut self) -> Panel {
        self.feed = Feed::OnFailure;
        self
    }

    /// The same, fed by somebody else.
    #[must_use]
    pub fn fed_by(mut self, program: &'static str) -> Panel {
        self.feed = Feed::Elsewhere(program);
        self
    }

    /// The same, with another query in it.
    #[must_use]
    pub fn and(mut self, legend: &'static str, expr: String) -> Panel {
        self.queries.push(Query { expr, legend });
        self
    }
}

/// A panel with one query.
pub(crate) fn panel(
    draw: Draw,
    scale: Scale,
    title: &'static str,
    description: &'static str,
    legend: &'static str,
    expr: String,
) -> Panel {
    Panel {
        title,
        description,
        draw,
        scale,
        queries: vec![Query { expr, legend }],
        feed: Feed::Always,
    }
}
