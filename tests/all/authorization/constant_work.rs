//! A hidden object causes as much work as one that does not exist (S-02): the same statements in the same order, for
//! every operation that takes an id. So the time of an answer reveals nothing.

use super::country::{Country, Position, Thing};
use super::recipes::{RECIPES, Recipe};
use super::{Operation, call, expected, operations};
use crate::support::statements::{overheard, sent};
use crate::support::{Engine, TestDb};
use std::collections::BTreeMap;
use zhuanjie::domain::authority::{AccessDecision, Capacity};

/// One position of each capacity that may not see the object.
fn blind<'a>(country: &'a Country, operation: &Operation, recipe: &Recipe, thing: &Thing) -> Vec<&'a Position> {
    let unseen =
        |position: &&Position| matches!(expected(position, operation, recipe, thing), AccessDecision::Unseen(_));
    let found = country.positions.iter().filter(unseen);
    let by_capacity: BTreeMap<Option<Capacity>, &Position> = found
        .map(|position| (position.actor.as_ref().map(Capacity::of), position))
        .collect();
    by_capacity.into_values().collect()
}

fn statements(country: &Country, position: &Position, operation: &Operation, recipe: &Recipe, id: &str) -> Vec<String> {
    // The number of refusals within an hour decides whether a row is written. So the count is reset each time.
    country.world.db.execute("DELETE FROM budgets");
    sent(&country.world.db, || {
        call(country, position, operation, recipe, id);
    })
}

fn compare(db: TestDb) {
    let country = Country::new(db);
    let operations = operations();
    let mut found = Vec::new();
    let mut compared = 0;
    for recipe in RECIPES {
        let operation = &operations[recipe.operation];
        for thing in country
            .of(recipe.about)
            .into_iter()
            .filter(|thing| !thing.id.is_empty())
        {
            for position in blind(&country, operation, recipe, thing) {
                let ask = |id: &str| statements(&country, position, operation, recipe, id);
                let (hidden, nothing) = (ask(&thing.id), ask(&thing.ghost));
                assert!(!hidden.is_empty(), "no statement was recorded");
                compared += 1;
                if hidden != nothing {
                    let Recipe { operation, query, .. } = recipe;
                    let (there, not) = (hidden.join("\n  "), nothing.join("\n  "));
                    let who = (&thing.name, thing.about, &position.name);
                    found.push(format!("{operation}{query} of {who:?}:\n  {there}\n and\n  {not}"));
                }
            }
        }
    }
    assert!(compared > 100, "{compared}");
    assert!(found.is_empty(), "{} of {compared}:\n{}", found.len(), found.join("\n"));
}

#[test]
fn s02_api1_a_hidden_object_causes_the_work_of_a_missing_one_sqlite() {
    overheard(Engine::Sqlite, compare);
}

#[test]
fn s02_api1_a_hidden_object_causes_the_work_of_a_missing_one_postgres() {
    overheard(Engine::Postgres, compare);
}
