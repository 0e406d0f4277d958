//! One story for each sentence that must hold.

mod beside;
mod compensation;
mod fault;
mod news;
mod operator;
mod outage;
mod outcomes;
mod pivot;
mod unknown;
mod unmappable;
mod wake;
