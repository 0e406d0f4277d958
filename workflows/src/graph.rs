//! The graph of a definition's steps: order, ancestors, descendants, cycles, drawing.
//!
//! The order is topological and depends on the content alone: where the graph leaves a choice, the smaller step
//! id comes first. Positions of steps are stored in journals, and two files that differ only in the order of
//! their keys are the same definition; so the order of the file must not matter.
//!
//! Not here: what an edge means for undoing (`saga`), and which edges are allowed (`definition`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::fmt::Write as _;

use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::definition::{Definition, Kind, Step, StepIndex, StepSet, Undo, duration};

/// A graph of steps without cycles, in order.
#[derive(Clone, Debug)]
pub struct Shape {
    /// For each place in the order, the position of the step in the list that was given.
    pub order: Vec<usize>,
    /// For each place in the order, its direct dependencies (as places in the order).
    pub needs: Vec<StepSet>,
    /// For each place in the order, everything that comes before.
    pub ancestors: Vec<StepSet>,
    /// For each place in the order, everything that comes after.
    pub descendants: Vec<StepSet>,
}

/// Steps that need each other: the first one is repeated at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<usize>);

/// Orders steps, given their ids and the positions of the steps that each of them needs.
///
/// At most [`crate::definition::STEPS_MAX`] steps can be given; every position must be within the list.
pub fn shape(ids: &[&str], needs: &[Vec<usize>]) -> Result<Shape, Vec<Cycle>> {
    let graph = graph_of(ids.len(), needs);
    let cycles = cycles(&graph, ids);
    if !cycles.is_empty() {
        return Err(cycles);
    }
    let order = order(&graph, ids);
    let place: HashMap<usize, StepIndex> = order
        .iter()
        .enumerate()
        .map(|(place, step)| (*step, place))
        .collect();
    let places = |step: usize, direction| {
        graph
            .neighbors_directed(NodeIndex::new(step), direction)
            .filter_map(|neighbour| place.get(&neighbour.index()))
            .fold(StepSet::EMPTY, |set, place| set.with(*place))
    };
    let direct: Vec<StepSet> = order
        .iter()
        .map(|step| places(*step, Direction::Incoming))
        .collect();
    let after: Vec<StepSet> = order
        .iter()
        .map(|step| places(*step, Direction::Outgoing))
        .collect();
    let ancestors = closure(&direct, 0..order.len());
    let descendants = closure(&after, (0..order.len()).rev());
    Ok(Shape {
        order,
        needs: direct,
        ancestors,
        descendants,
    })
}

fn graph_of(steps: usize, needs: &[Vec<usize>]) -> DiGraph<(), ()> {
    let mut graph = DiGraph::new();
    for _ in 0..steps {
        graph.add_node(());
    }
    for (step, needed) in needs.iter().enumerate() {
        for before in needed {
            // update: the same need written twice is one edge.
            graph.update_edge(NodeIndex::new(*before), NodeIndex::new(step), ());
        }
    }
    graph
}

/// Kahn's algorithm with a heap of ids, which is what makes the order independent of the file.
fn order(graph: &DiGraph<(), ()>, ids: &[&str]) -> Vec<usize> {
    let mut waits_for: Vec<usize> = graph
        .node_indices()
        .map(|node| graph.neighbors_directed(node, Direction::Incoming).count())
        .collect();
    let mut ready: BinaryHeap<Reverse<(&str, usize)>> = waits_for
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(step, _)| Reverse((ids[step], step)))
        .collect();
    let mut order = Vec::with_capacity(ids.len());
    while let Some(Reverse((_, step))) = ready.pop() {
        order.push(step);
        for after in graph.neighbors_directed(NodeIndex::new(step), Direction::Outgoing) {
            waits_for[after.index()] -= 1;
            if waits_for[after.index()] == 0 {
                ready.push(Reverse((ids[after.index()], after.index())));
            }
        }
    }
    order
}

/// Transitive closure of `direct`, visiting places so that neighbours come first.
fn closure(direct: &[StepSet], places: impl Iterator<Item = StepIndex>) -> Vec<StepSet> {
    let mut all = vec![StepSet::EMPTY; direct.len()];
    for place in places {
        all[place] = direct[place]
            .iter()
            .fold(direct[place], |set, neighbour| set.union(all[neighbour]));
    }
    all
}

/// One shortest cycle of each knot, starting at its smallest id.
fn cycles(graph: &DiGraph<(), ()>, ids: &[&str]) -> Vec<Cycle> {
    let mut found: Vec<Cycle> = tarjan_scc(graph)
        .into_iter()
        .filter(|knot| knot.len() > 1 || knot.iter().any(|node| graph.contains_edge(*node, *node)))
        .filter_map(|knot| {
            let start = knot.iter().copied().min_by_key(|node| ids[node.index()])?;
            cycle_through(graph, start)
        })
        .collect();
    found.sort_by_key(|cycle| cycle.0.first().map(|first| ids[*first]));
    found
}

fn cycle_through(graph: &DiGraph<(), ()>, start: NodeIndex) -> Option<Cycle> {
    let mut came_from: HashMap<NodeIndex, NodeIndex> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for next in graph.neighbors_directed(node, Direction::Outgoing) {
            if next == start {
                return Some(trace(&came_from, start, node));
            }
            came_from.entry(next).or_insert_with(|| {
                queue.push_back(next);
                node
            });
        }
    }
    None
}

fn trace(came_from: &HashMap<NodeIndex, NodeIndex>, start: NodeIndex, last: NodeIndex) -> Cycle {
    let mut path = vec![start.index()];
    let mut node = last;
    while node != start {
        path.push(node.index());
        node = came_from.get(&node).copied().unwrap_or(start);
    }
    path.push(start.index());
    path.reverse();
    Cycle(path)
}

/// The definition as a Mermaid flowchart: the pivot doubled, read-only steps rounded, undoing in the label.
pub fn mermaid(definition: &Definition) -> String {
    let mut text = String::from("flowchart TD\n");
    for step in &definition.steps {
        let task = what(step);
        let undo = match &step.undo {
            Undo::Compensate(undo) => format!("<br/>undo: {}/{}", undo.task.pool, undo.task.task),
            Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => String::new(),
        };
        let (open, close) = match (step.pivot, &step.undo) {
            (true, _) => ("[[", "]]"),
            (false, Undo::Readonly) => ("(", ")"),
            (false, Undo::Compensate(_) | Undo::Nothing { .. } | Undo::OnlyForward) => ("[", "]"),
        };
        // Writing to a String cannot fail.
        writeln!(
            text,
            "  {id}{open}\"{id}<br/>{task}{undo}\"{close}",
            id = step.id
        )
        .ok();
    }
    for step in &definition.steps {
        for before in step.needs.iter() {
            writeln!(text, "  {} --> {}", definition.steps[before].id, step.id).ok();
        }
    }
    text
}

/// What a step is, in a drawing.
fn what(step: &Step) -> String {
    let each = if step.each.is_some() { "each: " } else { "" };
    match &step.kind {
        Kind::Task(task) => format!("{each}{}/{}", task.pool, task.task),
        Kind::Saga(task) => format!("{each}saga {}", task.task),
        Kind::Sleep { for_ms } => format!("sleep {}", duration::display(*for_ms)),
        Kind::Wait(wait) => format!(
            "wait for {}, at most {}",
            wait.signal,
            duration::display(wait.within_ms)
        ),
        Kind::Approve { within_ms, .. } => {
            format!("approval, at most {}", duration::display(*within_ms))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(needs: &[&[usize]]) -> Vec<Vec<usize>> {
        needs.iter().map(|needed| needed.to_vec()).collect()
    }

    #[test]
    fn the_order_is_topological_and_does_not_depend_on_the_file() {
        let one = shape(
            &["b", "a", "c", "z"],
            &positions(&[&[3], &[3], &[0, 1], &[]]),
        )
        .unwrap();
        assert_eq!(one.order, [3, 1, 0, 2]);
        let other = shape(
            &["z", "c", "a", "b"],
            &positions(&[&[], &[2, 3], &[0], &[0]]),
        )
        .unwrap();
        assert_eq!(other.order, [0, 2, 3, 1]);
        assert_eq!(one.ancestors, other.ancestors);
        assert_eq!(one.ancestors[3], StepSet(0b0111));
        assert_eq!(one.descendants[0], StepSet(0b1110));
        assert_eq!(one.needs[3], StepSet(0b0110));
    }

    #[test]
    fn cycles_are_named_from_their_smallest_id() {
        let needs = positions(&[&[2], &[0], &[1], &[3], &[]]);
        let cycles = shape(&["b", "c", "a", "self", "free"], &needs).unwrap_err();
        assert_eq!(cycles, [Cycle(vec![2, 0, 1, 2]), Cycle(vec![3, 3])]);
    }

    #[test]
    fn sixty_four_steps_in_a_row() {
        let ids: Vec<String> = (0..64).map(|step| format!("s{step:02}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let needs: Vec<Vec<usize>> = (0..64_usize)
            .map(|step| step.checked_sub(1).into_iter().collect())
            .collect();
        let shape = shape(&ids, &needs).unwrap();
        assert_eq!(shape.ancestors[63].len(), 63);
        assert_eq!(shape.descendants[0].len(), 63);
    }

    #[test]
    fn drawings_show_the_pivot_and_the_undoing() {
        let (_, text) = crate::definition::SHIPPED[0];
        let drawing = mermaid(&Definition::parse("booking", text).unwrap());
        let expected = "flowchart TD\n  hold[\"hold<br/>catalog/hold-seats<br/>undo: catalog/release-seats\"]\n";
        assert!(drawing.starts_with(expected), "{drawing}");
        assert!(
            drawing.contains("  capture[[\"capture<br/>payment/capture\"]]\n"),
            "{drawing}"
        );
        assert!(drawing.ends_with("  capture --> sell\n"), "{drawing}");
    }
}
