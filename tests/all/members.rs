//! Lists of members: requests that wait together share a snapshot and nothing else.

use crate::support::both_engines;
use crate::support::http::Client;
use crate::support::world::World;

const NOW: &str = "2026-06-15T00:00:00Z";

/// How many clients ask at once.
const CROWD: usize = 48;

/// The members that a caller sees in a branch, page by page, or the refusal.
fn seen(client: &Client, branch: &str, limit: usize) -> Vec<String> {
    let list = format!("/v1/organizations/{branch}/members?");
    let first = client.get(&list);
    if first.status != 200 {
        return vec![format!("{} {}", first.status, first.json()["code"])];
    }
    let members = client.whole(&list, limit);
    members.iter().map(|member| member["name"].to_string()).collect()
}

both_engines! {
    fn o6_many_callers_at_once_each_get_their_own_page(db: TestDb) {
        let world = World::new(db, NOW);
        let who = ["class_1", "class_2", "college", "university", "village", "nation", "employer"];
        let whose = ["class_1", "class_2", "teachers", "village", "workshop", "school"].map(|name| world.org(name));
        let whose: Vec<String> = whose.into_iter().chain(["999999".to_owned()]).collect();
        let clients = who.map(|name| world.admin(name));
        let asked = |number: usize| (&clients[number % who.len()], &whose[number / who.len() % whose.len()], 1 + number % 3);
        let alone: Vec<_> = (0..CROWD).map(|number| {
            let (client, branch, limit) = asked(number);
            seen(client, branch, limit)
        }).collect();
        assert!(alone.iter().any(|seen| seen.len() == 3) && alone.iter().any(|seen| seen[..] == ["404 \"organization.not_found\""]));
        let together: Vec<_> = std::thread::scope(|scope| {
            let ask = |number| {
                let (client, branch, limit) = asked(number);
                scope.spawn(move || seen(client, branch, limit))
            };
            let crowd: Vec<_> = (0..CROWD).map(ask).collect();
            crowd.into_iter().map(|one| one.join().expect("an answer")).collect()
        });
        assert_eq!(alone, together);
    }
}
