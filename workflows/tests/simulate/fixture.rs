//! Definitions and profiles that the tests share.

use impresario_workflows::Definition;
use impresario_workflows::definition::{SHIPPED, render};
use impresario_workflows::simulate::Profile;

/// A definition that comes with the program.
pub(crate) fn shipped(name: &str) -> Definition {
    let (_, text) = SHIPPED
        .iter()
        .find(|(shipped, _)| *shipped == name)
        .unwrap();
    parsed(name, text)
}

pub(crate) fn parsed(name: &str, text: &str) -> Definition {
    Definition::parse(name, text)
        .unwrap_or_else(|diagnostics| panic!("{}", render(&diagnostics, name, text)))
}

/// A profile for it, or what is wrong with one.
pub(crate) fn profile(definition: &Definition, text: &str) -> Result<Profile, String> {
    Profile::parse(definition, "profile.yaml", text)
        .map_err(|diagnostics| render(&diagnostics, "profile.yaml", text))
}
