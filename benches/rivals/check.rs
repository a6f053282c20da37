//! A rival's answer is compared with ours before it is timed: a fast wrong answer is worth nothing.

use alunite::compute::MapScores;

use crate::contests::{Answer, Contest, Rival};

/// f32 in another order tells targets apart whose scores differ by more than this; closer ones are ties.
const TIE: f32 = 1e-4;
/// Scores may differ by this, and by this share of themselves: rivals sum in f32.
const SCORE: f32 = 1e-3;
/// Share of the pixels that must agree.
const SHARE: f64 = 0.999;

/// Compares all pixels.
pub(crate) fn agrees(contest: &Contest, rival: &Rival, ours: &[MapScores], theirs: &[f32]) {
    let ours = Ours {
        best: ours.iter().flat_map(|m| m.best.clone()).collect(),
        score: ours.iter().flat_map(|m| m.score.clone()).collect(),
        margin: ours.iter().flat_map(|m| m.margin.clone()).collect(),
    };
    let pixels = ours.score.len();
    match contest.answer {
        Answer::Classes => {
            let (classes, angles) = theirs.split_at(pixels);
            let clear: Vec<usize> = (0..pixels).filter(|&p| contest.targets == 1 || ours.margin[p] > TIE).collect();
            let equal = clear.iter().filter(|&&p| classes[p] == f32::from(ours.best[p])).count();
            enough(contest, rival, "classes", equal, clear.len());
            if !angles.is_empty() {
                ours.scores_are(contest, rival, angles.iter().copied());
            }
        }
        Answer::Scores => {
            let best = theirs.chunks(theirs.len() / pixels).map(|all| all.iter().copied().fold(f32::MIN, f32::max));
            ours.scores_are(contest, rival, best);
        }
    }
}

/// Our answer over all tiles.
struct Ours {
    best: Vec<u16>,
    score: Vec<f32>,
    margin: Vec<f32>,
}

impl Ours {
    fn scores_are(&self, contest: &Contest, rival: &Rival, theirs: impl Iterator<Item = f32>) {
        let near = |(ours, theirs): (&f32, f32)| (ours - theirs).abs() <= SCORE * (1.0 + ours.abs());
        let equal = self.score.iter().zip(theirs).filter(|&pair| near(pair)).count();
        enough(contest, rival, "scores", equal, self.score.len());
    }
}

fn enough(contest: &Contest, rival: &Rival, what: &str, equal: usize, of: usize) {
    let name = contest.name();
    assert!(equal as f64 >= SHARE * of as f64, "{name}: {} has {equal} of {of} {what} as we do", rival.who);
}
