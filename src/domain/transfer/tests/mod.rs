//! The rules of transfers, each at both sides of its boundary, on the small country of [`super::testing`].

mod decisions;
mod machine;
mod proposal;
