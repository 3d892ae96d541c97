//! Texts that many sessions share: each is held once, under a number that the packed sessions carry.
//!
//! Numbers are a node's own: two nodes with equal states may number differently, one after a snapshot does. So
//! nothing that the log decides may depend on them, neither an order nor a size; snapshots carry the texts.
//! Texts are counted, and go with the last session that has them. They lie in 256 parts behind `Arc`s, so that
//! a snapshot in the making costs the copy of those parts that change meanwhile.

use std::{collections::BTreeMap, sync::Arc};

const PARTS: u32 = 256;

/// All shared texts.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    parts: Vec<Arc<Part>>,
    count: u64,
    bytes: u64,
}

#[derive(Clone, Debug, Default)]
struct Part {
    by_text: BTreeMap<Arc<str>, u32>,
    held: Vec<Option<Held>>,
    free: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Held {
    text: Arc<str>,
    times: u32,
}

impl Default for Names {
    fn default() -> Self {
        Self { parts: vec![Arc::default(); PARTS as usize], count: 0, bytes: 0 }
    }
}

impl Names {
    /// Holds a text once more and returns its number.
    pub(crate) fn hold(&mut self, text: &str) -> u32 {
        let index = part_of(text);
        let part = Arc::make_mut(&mut self.parts[index as usize]);
        if let Some(&number) = part.by_text.get(text) {
            if let Some(Some(held)) = part.held.get_mut((number / PARTS) as usize) {
                held.times = held.times.saturating_add(1);
            }
            return number;
        }
        self.count += 1;
        self.bytes += text.len() as u64;
        let text: Arc<str> = text.into();
        let held = Some(Held { text: Arc::clone(&text), times: 1 });
        let place = if let Some(place) = part.free.pop() {
            part.held[place as usize] = held;
            place
        } else {
            part.held.push(held);
            u32::try_from(part.held.len() - 1).expect("fewer texts than bytes of memory")
        };
        let number = place * PARTS + index;
        part.by_text.insert(text, number);
        number
    }

    /// Gives a text back.
    pub(crate) fn release(&mut self, number: u32) {
        let (index, place) = ((number % PARTS) as usize, number / PARTS);
        let part = Arc::make_mut(&mut self.parts[index]);
        let Some(slot) = part.held.get_mut(place as usize) else { return };
        let Some(held) = slot else { return };
        held.times -= 1;
        if held.times == 0 {
            let text = Arc::clone(&held.text);
            *slot = None;
            part.free.push(place);
            part.by_text.remove(&text);
            self.count -= 1;
            self.bytes -= text.len() as u64;
        }
    }

    /// The number of a text that is held.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        self.parts[part_of(text) as usize].by_text.get(text).copied()
    }

    /// The text of a number; empty for one that is not held, which no packed session carries.
    pub(crate) fn text(&self, number: u32) -> &str {
        let part = &self.parts[(number % PARTS) as usize];
        let held = part.held.get((number / PARTS) as usize).and_then(Option::as_ref);
        held.map_or("", |held| &held.text)
    }

    /// How many texts there are, and their length together: the same on every node.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.count, self.bytes)
    }
}

/// FNV-1a, to spread texts over the parts; whoever makes them collide gains nothing.
fn part_of(text: &str) -> u32 {
    let hash =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) % PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_held_once_and_goes_with_its_last_holder() {
        let mut names = Names::default();

        let (first, again, other) = (names.hold("shop"), names.hold("shop"), names.hold("blog"));

        assert_eq!((first, names.size()), (again, (2, 8)));
        assert_eq!((names.text(first), names.text(other)), ("shop", "blog"));
        names.release(first);
        assert_eq!(names.find("shop"), Some(first));
        names.release(first);
        assert_eq!((names.find("shop"), names.size()), (None, (1, 4)));
    }

    #[test]
    fn a_copy_does_not_see_what_comes_after() {
        let mut names = Names::default();
        let number = names.hold("shop");

        let copy = names.clone();
        names.release(number);
        let reused = names.hold("shop again");

        assert_eq!((copy.text(number), names.text(reused)), ("shop", "shop again"));
    }
}
