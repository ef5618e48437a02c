//! The mapping of keys to nodes, by the continuum of libmemcached's weighted ketama with equal weights.
//!
//! `MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED` of libmemcached 1.1 computes the same (pylibmc's `ketama_weighted`), and so
//! does `HashRing(hash_fn="ketama")` of Python's uhashring with the same names. Both made the vectors in
//! `tests/data/ketama.json`.

use md5::{Digest, Md5};

/// Points of one node on the continuum: 40 digests of four points each.
const DIGESTS: usize = 40;

/// The nodes' points, in order.
pub(crate) struct Ring {
    points: Box<[Point]>,
    nodes: usize,
}

struct Point {
    value: u32,
    node: usize,
}

impl Ring {
    /// Makes the ring of nodes with these names: `host` for the default port, else `host:port`, and `path:0` for sockets.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut points = Vec::new();
        let mut nodes = 0;
        for name in names {
            for number in 0..DIGESTS {
                let digest = Md5::digest(format!("{name}-{number}"));
                let values = digest.chunks_exact(4).map(little_endian);
                points.extend(values.map(|value| Point { value, node: nodes }));
            }
            nodes += 1;
        }
        points.sort_by_key(|point| point.value);
        Self { points: points.into(), nodes }
    }

    /// Returns the node of a key, and then the nodes that replace it, one after the other.
    pub(crate) fn nodes_for(&self, key: &[u8]) -> impl Iterator<Item = usize> + use<'_> {
        // One node needs no hash.
        let start = if self.nodes > 1 { self.first_point(key) } else { 0 };
        let (before, after) = self.points.split_at(start);
        let mut seen = vec![false; self.nodes];
        after
            .iter()
            .chain(before)
            .map(|point| point.node)
            .filter(move |&node| !std::mem::replace(&mut seen[node], true))
    }

    /// Returns the first point at or after the key's hash. The continuum is a circle.
    fn first_point(&self, key: &[u8]) -> usize {
        let hash = little_endian(&Md5::digest(key)[..4]);
        let point = self.points.partition_point(|point| point.value < hash);
        if point == self.points.len() { 0 } else { point }
    }
}

fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    const KEYS: usize = 20_000;

    fn ring(nodes: usize) -> Ring {
        let names: Vec<String> = (0..nodes).map(|number| format!("10.0.0.{number}:11212")).collect();
        Ring::new(names.iter().map(String::as_str))
    }

    fn placed(ring: &Ring) -> Vec<usize> {
        (0..KEYS).filter_map(|number| ring.nodes_for(format!("session:{number}").as_bytes()).next()).collect()
    }

    #[derive(serde::Deserialize)]
    struct Vectors {
        keys: Vec<String>,
        clusters: Vec<Vector>,
    }

    #[derive(serde::Deserialize)]
    struct Vector {
        nodes: Vec<String>,
        owners: Vec<usize>,
        owners_without_first_node: Vec<usize>,
    }

    /// Made by `tests/data/ketama.py`.
    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../tests/data/ketama.json")).unwrap()
    }

    fn ring_of(addresses: &[String]) -> Ring {
        let names: Vec<String> = addresses.iter().map(|text| text.parse::<Address>().unwrap().ring_name()).collect();
        Ring::new(names.iter().map(String::as_str))
    }

    #[test]
    fn every_key_has_the_node_that_libmemcached_and_uhashring_give_it() {
        let Vectors { keys, clusters } = vectors();
        assert!(clusters.len() >= 5 && keys.len() >= 300);
        for Vector { nodes, owners, .. } in &clusters {
            let ring = ring_of(nodes);
            let found: Vec<_> = keys.iter().filter_map(|key| ring.nodes_for(key.as_bytes()).next()).collect();
            assert_eq!(&found, owners, "{nodes:?}");
        }
    }

    #[test]
    fn a_key_of_a_removed_node_moves_as_in_libmemcached_and_uhashring() {
        let Vectors { keys, clusters } = vectors();
        for Vector { nodes, owners_without_first_node, .. } in clusters.iter().filter(|vector| vector.nodes.len() > 1) {
            let ring = ring_of(nodes);
            let found: Vec<_> =
                keys.iter().filter_map(|key| ring.nodes_for(key.as_bytes()).find(|&node| node != 0)).collect();
            assert_eq!(&found, owners_without_first_node, "{nodes:?}");
        }
    }

    #[test]
    fn the_order_of_the_nodes_does_not_matter() {
        let Vectors { keys, clusters } = vectors();
        for Vector { nodes, .. } in &clusters {
            let reversed: Vec<_> = nodes.iter().rev().cloned().collect();
            let (ring, other) = (ring_of(nodes), ring_of(&reversed));
            for key in &keys {
                let names = |ring: &Ring, nodes: &[String]| {
                    ring.nodes_for(key.as_bytes()).map(|node| nodes[node].clone()).collect::<Vec<_>>()
                };
                assert_eq!(names(&ring, nodes), names(&other, &reversed));
            }
        }
    }

    #[test]
    fn a_new_node_takes_about_its_share_and_moves_nothing_else() {
        for nodes in 1..=8 {
            let (before, after) = (placed(&ring(nodes)), placed(&ring(nodes + 1)));
            let moved: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
            assert!(moved.iter().all(|(_, after)| **after == nodes), "keys move to the new node only");
            let (share, fair) = (moved.len() as f64 / KEYS as f64, 1.0 / (nodes + 1) as f64);
            assert!((0.6..1.5).contains(&(share / fair)), "{nodes} nodes: {share} moved, {fair} is fair");
        }
    }

    #[test]
    fn the_nodes_of_a_key_are_all_nodes_each_once() {
        let ring = ring(5);
        for number in 0..100 {
            let mut nodes: Vec<_> = ring.nodes_for(format!("session:{number}").as_bytes()).collect();
            nodes.sort_unstable();
            assert_eq!(nodes, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn the_keys_of_a_node_that_is_down_spread_over_the_others() {
        let ring = ring(4);
        let mut heirs = [0; 4];
        for number in 0..KEYS {
            let mut nodes = ring.nodes_for(format!("session:{number}").as_bytes());
            if nodes.next() == Some(0)
                && let Some(heir) = nodes.next()
            {
                heirs[heir] += 1;
            }
        }
        assert_eq!(heirs[0], 0);
        assert!(heirs[1..].iter().all(|&keys| keys > KEYS / 40), "{heirs:?}");
    }
}
