//! The decisions of a run, and the way from one run to the next.

use super::record::Fault;

/// A walk through the runs of a program. A run asks for a decision wherever it may go on in several ways.
///
/// A walk through *every* run goes depth-first. It answers as in the run before, up to the deepest decision that has an
/// option left. There it takes the next option, and from there on the first of each.
///
/// A *sample* decides by numbers that look random and are the same each time.
pub(super) struct Choices {
    path: Vec<Choice>,
    depth: usize,
    lost: bool,
    /// The number of runs that were lost in a row.
    losses: usize,
    /// The state of the random numbers of a sample.
    random: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Choice {
    taken: usize,
    of: usize,
}

/// The number of times that a lost run is made again.
///
/// A run is lost if it meets other options than the run before with the same decisions. The library's locks hash random
/// ids, and two ids may share one of 64 locks. After this many losses in a row, the ids of the first run did.
const MOST_LOSSES: usize = 4;

/// In a sample, one in this many calls meets a fault, so that faults come early and late.
const FAULTS_ONE_IN: usize = 8;

impl Choices {
    /// Begins a walk through every run.
    pub(super) fn every() -> Self {
        Self { path: Vec::new(), depth: 0, lost: false, losses: 0, random: None }
    }

    /// Begins a sample.
    pub(super) fn sample() -> Self {
        Self { random: Some(1), ..Self::every() }
    }

    /// Decides for one of `of` options.
    pub(super) fn pick(&mut self, of: usize) -> usize {
        let random = self.random().map(|number| number % of);
        self.take(of, random)
    }

    /// Decides for one of these faults, or for none.
    pub(super) fn pick_fault(&mut self, faults: &[Fault]) -> Option<Fault> {
        if faults.is_empty() {
            return None;
        }
        let random = self.random().map(|number| {
            let number = number % (faults.len() * FAULTS_ONE_IN);
            if number < faults.len() { number + 1 } else { 0 }
        });
        let taken = self.take(faults.len() + 1, random);
        taken.checked_sub(1).map(|fault| faults[fault])
    }

    fn take(&mut self, of: usize, random: Option<usize>) -> usize {
        let depth = self.depth;
        self.depth += 1;
        match self.path.get(depth) {
            _ if self.lost => return 0,
            Some(choice) if choice.of == of => return choice.taken,
            Some(_) if self.losses < MOST_LOSSES => {
                self.lost = true;
                return 0;
            }
            _ => self.path.truncate(depth),
        }
        let taken = random.unwrap_or(0);
        self.path.push(Choice { taken, of });
        taken
    }

    /// Returns the decisions of the run.
    pub(super) fn path(&self) -> &[Choice] {
        &self.path
    }

    /// Returns `true` if the run did not meet the options of the run before.
    pub(super) fn lost(&self) -> bool {
        self.lost
    }

    /// Prepares the next run. Returns `false` if there is none; a sample has no end.
    pub(super) fn advance(&mut self) -> bool {
        let depth = std::mem::take(&mut self.depth);
        if std::mem::take(&mut self.lost) {
            self.losses += 1;
            return true;
        }
        self.losses = 0;
        if self.random.is_some() {
            self.path.clear();
            return true;
        }
        self.path.truncate(depth);
        while let Some(last) = self.path.last_mut() {
            if last.taken + 1 < last.of {
                last.taken += 1;
                return true;
            }
            self.path.pop();
        }
        false
    }

    /// Returns the next random number of a sample (SplitMix64).
    fn random(&mut self) -> Option<usize> {
        let state = self.random.as_mut()?;
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).ok()
    }
}

#[test]
fn a_walk_makes_every_run_once() {
    let mut choices = Choices::every();
    let mut runs = Vec::new();
    loop {
        let first = choices.pick(3);
        // Only one of the options leads to another decision.
        let fault = (first == 1).then(|| choices.pick_fault(&[Fault::Error, Fault::Late])).flatten();
        runs.push((first, fault));
        if !choices.advance() {
            break;
        }
    }
    assert_eq!(runs, [(0, None), (1, None), (1, Some(Fault::Error)), (1, Some(Fault::Late)), (2, None)]);
}

#[test]
fn a_sample_is_the_same_each_time() {
    let sample = || {
        let mut choices = Choices::sample();
        let mut run = || {
            let run: Vec<_> = (0..5).map(|_| choices.pick(100)).collect();
            choices.advance();
            run
        };
        [run(), run()]
    };
    assert_eq!(sample(), sample());
    assert_ne!(sample()[0], sample()[1]);
}
