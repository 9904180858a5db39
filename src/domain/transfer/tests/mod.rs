//! The rules of transfers, each tested on both sides of its boundary, in the small country of [`super::testing`].

mod decisions;
mod machine;
mod proposal;
