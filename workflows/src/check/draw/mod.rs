//! A counterexample as a sequence diagram: as Mermaid text for issues and reviews, and as an SVG that stands alone.

mod mermaid;
mod svg;

pub use mermaid::mermaid;
pub use svg::svg;
