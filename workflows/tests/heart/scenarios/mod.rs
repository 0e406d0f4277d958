//! One story for each sentence that must hold.

mod beside;
mod child;
mod compensation;
mod each;
mod failure;
mod fault;
mod found;
mod limits;
mod migration;
mod news;
mod operator;
mod outage;
mod outcomes;
mod pivot;
mod unknown;
mod unmappable;
mod waiting;
mod wake;
