//! A saga in the middle of its life with long lists, made into one with short lists that can do the same.
//!
//! Items of one list that stand alike are as many as [`ITEMS_MAX`] can be, for the reason that new lists are: nothing
//! tells them apart (`same`), and that more of them do nothing else is assumed and said. Of items that stand differently
//! each kind stays, so no item is forgotten that could do what no other can.
//!
//! What is left out still counts: an item that was passed over has used up some of `tolerate`, and one that is under way
//! some of `max_parallel`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::items::{self, ITEMS_MAX};
use crate::definition::{Definition, StepIndex};
use crate::saga::{Fan, Forward, State, StepState, stands};

/// The same saga with few enough items, and its definition with what the others have used up.
pub(super) fn fewer(definition: &Definition, state: &State) -> (Definition, State) {
    let mut definition = definition.clone();
    let mut kept: BTreeMap<StepIndex, Vec<usize>> = BTreeMap::new();
    for list in items::lists_of(&definition) {
        let made: Vec<Range<usize>> = list
            .iter()
            .map(|step| state.units_of(*step))
            .filter(|units| !units.is_empty())
            .collect();
        // What goes over one list has as many items in each step; were it otherwise, each would be taken by itself.
        let alike = made.windows(2).all(|pair| pair[0].len() == pair[1].len());
        for step in list {
            let own = [state.units_of(step)];
            let together: &[Range<usize>] = if alike { &made } else { &own };
            kept.insert(step, representatives(state, together));
        }
    }
    let (mut steps, mut fans) = (state.steps[..state.own_steps()].to_vec(), Vec::new());
    for fan in &state.fans {
        let units = &state.steps[fan.first..fan.first + fan.items.len()];
        let none = Vec::new();
        let stay = kept.get(&fan.step).unwrap_or(&none);
        let left_out = |item: &usize| !stay.contains(item);
        let gone: Vec<&StepState> = (0..units.len())
            .filter(left_out)
            .map(|i| &units[i])
            .collect();
        use_up(&mut definition, fan.step, &gone);
        fans.push(Fan {
            step: fan.step,
            first: steps.len(),
            items: stay
                .iter()
                .map(|item| fan.items[*item].clone())
                .collect::<Vec<_>>()
                .into(),
        });
        steps.extend(stay.iter().map(|item| units[*item].clone()));
    }
    let state = State {
        steps,
        fans,
        ..state.clone()
    };
    (definition, state)
}

/// Which items of a list stay, over all steps that go over it: one of each kind, then more of those that there are more
/// of, up to as many as a list is explored with. In their order.
fn representatives(state: &State, steps: &[Range<usize>]) -> Vec<usize> {
    let count = steps.first().map_or(0, ExactSizeIterator::len);
    let kind = |item: usize| -> Vec<String> {
        let units = steps.iter().map(|units| units.start + item);
        units.map(|unit| stands(&state.steps[unit])).collect()
    };
    let mut seen: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let nth_of_its_kind: Vec<usize> = (0..count)
        .map(|item| {
            let before = seen.entry(kind(item)).or_default();
            *before += 1;
            *before
        })
        .collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|item| (nth_of_its_kind[*item], *item));
    order.truncate(ITEMS_MAX.max(seen.len()));
    order.sort_unstable();
    order
}

/// What items that are left out have used up of their step's bounds.
fn use_up(definition: &mut Definition, step: StepIndex, gone: &[&StepState]) {
    let Some(each) = &mut definition.steps[step].each else {
        return;
    };
    let count = |is: fn(&StepState) -> bool| {
        u32::try_from(gone.iter().filter(|item| is(item)).count()).unwrap_or(u32::MAX)
    };
    let passed = count(|item| item.passed);
    let under_way = count(|item| matches!(item.forward, Forward::Open { .. }));
    each.tolerate = each.tolerate.saturating_sub(passed);
    each.max_parallel = each.max_parallel.saturating_sub(under_way).max(1);
}
