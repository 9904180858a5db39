//! Used-up budgets stay used up. The budget of look-ups and the wait after failed sign-ins are rows of the database, so
//! neither another server nor a restart renews them (S-09, S-10).

use super::NOW;
use crate::support::http::Client;
use crate::support::process::{Process, zhuanjie};
use crate::support::shared_keys::SharedKeys;
use crate::support::world::{PASSWORD, World};
use crate::support::{Engine, both_engines};
use serde_json::json;
use zhuanjie::clock::Clock;

/// A separate program on the world's database.
fn serve(world: &World, shared: &SharedKeys) -> (Process, String) {
    let mut command = zhuanjie(["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("DATABASE_URL", world.db.address())
        .env("ZHUANJIE_FILES", &world.files)
        .envs(shared.variables());
    Process::serve(command)
}

fn look_up(world: &World, client: &Client) -> u16 {
    let body = json!({"name": "class_1/1", "id_number": world.id_number("class_1/1")});
    client.post("/v1/members/look-up", &body).status
}

fn sign_in(world: &World, client: &Client, password: &str) -> u16 {
    let body = json!({"id_number": world.id_number("class_1/2"), "password": password});
    client.post("/v1/auth/sign-in", &body).status
}

both_engines! {
    fn s09_s10_neither_a_restart_nor_another_server_renews_a_budget(db: TestDb) {
        let shared = SharedKeys::new();
        let world = World::with_keys(db, &Clock::system().now().to_rfc3339(), shared.keys.clone());
        let township = world.admin("township");
        let (first, base) = serve(&world, &shared);
        let client = township.at(&base);
        let asked: Vec<u16> = (0..20).map(|_| look_up(&world, &client)).collect();
        assert_eq!(asked, [200; 20]);
        for _ in 0..5 {
            assert_eq!(sign_in(&world, &client, "wrong"), 401);
        }
        // The hour may change meanwhile, and starting a program takes more than a second. So the next hour's budget is
        // used up too, and the next wait lasts for minutes.
        world.db.execute("INSERT INTO budgets (name, span, used) SELECT name, span + 1, used FROM budgets");
        world.db.execute("UPDATE attempts SET failures = 13 WHERE failures = 5");
        assert_eq!((look_up(&world, &client), sign_in(&world, &client, PASSWORD)), (429, 429));
        assert!(first.terminate().0.success());
        let (_second, base) = serve(&world, &shared);
        let client = township.at(&base);
        assert_eq!((look_up(&world, &client), sign_in(&world, &client, PASSWORD)), (429, 429), "after a restart");
        if world.db.engine() == Engine::Postgres {
            let (_third, base) = serve(&world, &shared);
            let client = township.at(&base);
            assert_eq!((look_up(&world, &client), sign_in(&world, &client, PASSWORD)), (429, 429), "beside another server");
        }
        // Only that budget and that wait were in the way.
        world.db.execute("DELETE FROM budgets");
        world.db.execute("DELETE FROM attempts");
        assert_eq!((look_up(&world, &client), sign_in(&world, &client, PASSWORD)), (200, 200));
    }

    fn s10_two_servers_share_the_look_up_budget_of_an_hour(db: TestDb) {
        let mut world = World::new(db, NOW);
        let there = world.another_server(|app| app);
        let township = |world: &World| [world.admin("township"), there.with_token(&world.token("township"))];
        let servers = township(&world);
        let asked: Vec<u16> = (0..24).map(|n| look_up(&world, &servers[n % 2])).collect();
        assert_eq!((&asked[..20], &asked[20..]), (&[200; 20][..], &[429; 4][..]));
        world.at("2026-06-15T08:59:59.999999Z");
        assert_eq!(township(&world).map(|client| look_up(&world, &client)), [429, 429]);
        world.at("2026-06-15T09:00:00Z");
        assert_eq!(township(&world).map(|client| look_up(&world, &client)), [200, 200]);
    }
}
