//! Where the boxes of a graph go: in layers, so that every arrow points down.
//!
//! The layered method of Sugiyama, Tagawa and Toda (1981) in its plain form: a command stands one layer below the lowest of its
//! inputs; an arrow over several layers passes a point in each; the order in a layer follows the mean place of what a box is
//! joined to, above and then below, a few times over.

/// A graph's places: of each node its layer and its position from left to right, in units of boxes.
#[derive(Debug)]
pub struct Layout {
    /// Column and layer of each node.
    pub nodes: Vec<(f64, usize)>,
    /// The arrows: from a node to another, through points in the layers between.
    pub arrows: Vec<Arrow>,
    /// Number of columns.
    pub columns: f64,
    /// Number of layers.
    pub layers: usize,
}

/// An arrow of a [`Layout`].
#[derive(Debug)]
pub struct Arrow {
    /// Where it begins.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// Column and layer of the points that it passes.
    pub through: Vec<(f64, usize)>,
}

/// Width of the point of a passing arrow, in boxes.
const PASSING: f64 = 0.25;

/// Lays out `inputs`, the nodes that each node reads; they come before it.
pub fn layout(inputs: &[Vec<usize>]) -> Layout {
    let mut depth = vec![0; inputs.len()];
    for (k, inputs) in inputs.iter().enumerate() {
        depth[k] = inputs.iter().map(|i| depth[*i] + 1).max().unwrap_or(0);
    }
    // Nodes, then the points of arrows.
    let mut layer = depth.clone();
    let mut links: Vec<(usize, usize)> = Vec::new();
    let mut arrows: Vec<(usize, usize, Vec<usize>)> = Vec::new();
    for (to, inputs) in inputs.iter().enumerate() {
        for &from in inputs {
            let mut last = from;
            let mut through = Vec::new();
            for passed in depth[from] + 1..depth[to] {
                layer.push(passed);
                links.push((last, layer.len() - 1));
                last = layer.len() - 1;
                through.push(last);
            }
            links.push((last, to));
            arrows.push((from, to, through));
        }
    }
    let layers = layer.iter().max().map_or(0, |most| most + 1);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); layers];
    for (k, layer) in layer.iter().enumerate() {
        rows[*layer].push(k);
    }
    let width = |k: usize| if k < inputs.len() { 1.0 } else { PASSING };
    let mut place = vec![0.0; layer.len()];
    let set = |row: &[usize], place: &mut [f64]| {
        let mut at = 0.0;
        for &k in row {
            place[k] = at + width(k) / 2.0;
            at += width(k);
        }
        at
    };
    rows.iter().for_each(|row| {
        set(row, &mut place);
    });
    for round in 0..8 {
        let downwards = round % 2 == 0;
        let order: Vec<usize> = match downwards {
            true => (1..layers).collect(),
            false => (0..layers.saturating_sub(1)).rev().collect(),
        };
        for layer in order {
            let mean = |k: usize| {
                let joined = links.iter().filter_map(|&(a, b)| match downwards {
                    true => (b == k).then_some(place[a]),
                    false => (a == k).then_some(place[b]),
                });
                let joined: Vec<f64> = joined.collect();
                match joined.len() {
                    0 => place[k],
                    n => joined.iter().sum::<f64>() / n as f64,
                }
            };
            let mut sorted: Vec<(f64, usize)> = rows[layer].iter().map(|&k| (mean(k), k)).collect();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            rows[layer] = sorted.into_iter().map(|(_, k)| k).collect();
            set(&rows[layer], &mut place);
        }
    }
    // Each layer is centred under the widest.
    let widths: Vec<f64> = rows
        .iter()
        .map(|row| row.iter().map(|&k| width(k)).sum())
        .collect();
    let columns = widths.iter().copied().fold(0.0, f64::max);
    for (row, width) in rows.iter().zip(&widths) {
        for &k in row {
            place[k] += (columns - width) / 2.0;
        }
    }
    let at = |k: usize| (place[k], layer[k]);
    Layout {
        nodes: (0..inputs.len()).map(at).collect(),
        arrows: arrows
            .into_iter()
            .map(|(from, to, through)| Arrow {
                from,
                to,
                through: through.into_iter().map(at).collect(),
            })
            .collect(),
        columns,
        layers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_point_down_and_boxes_do_not_meet() {
        // A chain with a branch that is read far below.
        let inputs = [
            vec![],
            vec![0],
            vec![1],
            vec![2],
            vec![3, 1],
            vec![1],
            vec![5, 0],
        ];
        let Layout {
            nodes,
            arrows,
            columns,
            layers,
        } = layout(&inputs);
        assert_eq!(layers, 5);
        assert_eq!(arrows.len(), 8);
        for arrow in &arrows {
            assert!(nodes[arrow.from].1 < nodes[arrow.to].1);
            assert_eq!(
                arrow.through.len(),
                nodes[arrow.to].1 - nodes[arrow.from].1 - 1
            );
        }
        for (k, a) in nodes.iter().enumerate() {
            assert!(a.0 >= 0.5 && a.0 <= columns - 0.5 + 1e-9);
            for b in &nodes[..k] {
                assert!(a.1 != b.1 || (a.0 - b.0).abs() > 0.99, "{a:?} {b:?}");
            }
        }
    }
}
