//! How many things have to go wrong for each world: the fewest faults on any way to it.

use std::collections::VecDeque;

use super::graph::{Graph, WorldId};

/// For each world the fewest faults by which it is reached.
///
/// Dijkstra's algorithm with waits of zero and one: what costs nothing more is gone through first.
pub(in crate::check) fn fewest_faults(graph: &Graph) -> Vec<u32> {
    let mut fewest = vec![u32::MAX; graph.len()];
    let mut queue: VecDeque<(WorldId, u32)> = VecDeque::new();
    for root in graph.roots() {
        fewest[root as usize] = 0;
        queue.push_back((root, 0));
    }
    while let Some((id, faults)) = queue.pop_front() {
        if fewest[id as usize] < faults {
            continue;
        }
        for follow in graph.follow(id) {
            let through = faults + u32::from(follow.fault);
            if through < fewest[follow.to as usize] {
                fewest[follow.to as usize] = through;
                if follow.fault {
                    queue.push_back((follow.to, through));
                } else {
                    queue.push_front((follow.to, through));
                }
            }
        }
    }
    fewest
}
