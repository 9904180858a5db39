//! The plan of a season: which operations, how often, against which servers.

use super::window::Window;
use anyhow::{Context, Result, anyhow, bail};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

macro_rules! operations {
    ($($variant:ident = $name:literal, $weight:literal;)*) => {
        /// One operation of a player.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operation { $($variant),* }

        impl Operation {
            /// Every operation with its name and weight.
            pub const ALL: &'static [(Self, &'static str, u32)] = &[$((Self::$variant, $name, $weight)),*];

            /// Its name in a mix and in the report.
            pub fn name(self) -> &'static str { match self { $(Self::$variant => $name),* } }
        }
    };
}

// The weights are those of a busy week: people read more often than they write.
operations! {
    FileBySource = "file_by_source", 6;
    FileByTarget = "file_by_target", 1;
    FileByMember = "file_by_member", 3;
    Preview = "preview", 10;
    Approve = "approve", 9;
    Refuse = "refuse", 1;
    Assign = "assign", 8;
    Withdraw = "withdraw", 1;
    Inbox = "inbox", 20;
    Members = "members", 20;
    Search = "search", 15;
    List = "list", 6;
}

/// The operations to play, each with its weight.
#[derive(Debug, Clone)]
pub struct Mix(Vec<(Operation, u32)>);

impl Default for Mix {
    fn default() -> Self {
        Self(
            Operation::ALL
                .iter()
                .map(|&(operation, _, weight)| (operation, weight))
                .collect(),
        )
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|(operation, weight)| format!("{}={weight}", operation.name()))
            .collect();
        f.write_str(&parts.join(","))
    }
}

impl FromStr for Mix {
    type Err = anyhow::Error;

    /// Parses `operation=weight,operation=weight`. A weight of one can be left out.
    fn from_str(text: &str) -> Result<Self> {
        let part = |part: &str| {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let known = Operation::ALL.iter().find(|(_, known, _)| *known == name);
            let (operation, ..) = known.ok_or_else(|| anyhow!("there is no operation {name}"))?;
            Ok((
                *operation,
                weight.parse().with_context(|| format!("the weight of {name}"))?,
            ))
        };
        let parts = text.split(',').map(part).collect::<Result<Vec<_>>>()?;
        if parts.iter().all(|(_, weight)| *weight == 0) {
            bail!("nothing is to be played");
        }
        Ok(Self(parts))
    }
}

impl Mix {
    /// Draws the next operation.
    pub fn draw(&self, rng: &mut Pcg64Mcg) -> Operation {
        let all: u32 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut roll = rng.random_range(0..all);
        for &(operation, weight) in &self.0 {
            if roll < weight {
                return operation;
            }
            roll -= weight;
        }
        unreachable!("the roll is below the sum of the weights")
    }
}

/// The plan of a season.
pub struct SeasonPlan {
    pub urls: Vec<String>,
    pub mix: Mix,
    pub concurrency: usize,
    /// The most connections to each server.
    pub connections: usize,
    pub rate: Option<f64>,
    pub threads: usize,
    pub window: Arc<Window>,
    pub ledger: Option<PathBuf>,
    pub patience: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_mix_is_what_it_says() {
        let mix: Mix = "members=3,search".parse().unwrap();
        assert_eq!(mix.to_string(), "members=3,search=1");
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let drawn = (0..4000).filter(|_| mix.draw(&mut rng) == Operation::Members).count();
        assert!((2900..3100).contains(&drawn), "{drawn}");
        for text in ["", "members=x", "dance", "members=0"] {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
        assert_eq!(
            Mix::default().to_string().parse::<Mix>().unwrap().to_string(),
            Mix::default().to_string()
        );
    }
}
