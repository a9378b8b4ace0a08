//! `story new`: the next id, nothing overwritten, valid as it stands.

use crate::stories::{story, world};
use crate::world::World;

#[test]
fn a_new_story_is_valid_as_it_stands_and_has_the_next_id() {
    let world = World::new();
    world.run(["init"]).exits(0);
    let made = world.run(["story", "new", "Search by \"title\": {{it}} #1"]).exits(0).stdout;
    assert!(made.contains("made stories/S-1-search-by-title-it-1.md") && made.contains("story run S-1"), "{made}");
    world.run(["story", "new", "Überall suchen"]).exits(0);
    world.run(["mission", "validate", "--deny-warnings"]).exits(0);
    let listed = world.run(["story", "list"]).exits(0).stdout;
    insta::assert_snapshot!(listed, @r#"
    S-1  draft  medium  0/1  Search by "title": {{it}} #1
    S-2  draft  medium  0/1  Überall suchen
    "#);
}

#[test]
fn ids_go_on_as_they_were_begun() {
    let world =
        world(&[("a.md", story("AUTH-009", 1, "")), ("b.md", story("AUTH-003", 1, "")), ("c.md", story("x1", 1, ""))]);
    let made = world.run(["story", "new", "Sign out"]).exits(0).stdout;
    assert!(made.contains("made stories/AUTH-010-sign-out.md"), "{made}");
    world.write("numbers/1.md", &story("\"041\"", 1, ""));
    world.run(["story", "new", "Sign in", "--dir", "numbers"]).exits(0);
    assert!(world.read("numbers/042-sign-in.md").contains("id: \"042\"\n"));
    let listed = world.run(["story", "list", "--dir", "numbers"]).exits(0).stdout;
    assert!(listed.contains("042"), "{listed}");
}

#[test]
fn nothing_is_overwritten_and_no_id_is_given_twice() {
    let world = world(&[("a.md", story("S-1", 1, ""))]);
    let taken = world.run(["story", "new", "Again", "--id", "s_1"]).exits(2);
    assert!(taken.stderr.contains("cli::already-there") && taken.stderr.contains("stories/a.md"), "{taken:?}");
    world.write("stories/S-2-again.md", "mine\n");
    let taken = world.run(["story", "new", "Again"]).exits(2);
    assert!(taken.stderr.contains("cli::already-there"), "{taken:?}");
    assert_eq!(world.read("stories/S-2-again.md"), "mine\n");
    world.run(["story", "new", "two\nlines"]).exits(2);
    world.run(["story", "new", "x", "--id", "a b"]).exits(2);
    world.run(["story", "new", "x", "--dir", "/tmp"]).exits(2);
}

#[test]
fn many_at_once_take_ids_of_their_own() {
    let world = World::new();
    let children: Vec<_> = (0..6).map(|_| world.start(["story", "new", "Same"])).collect();
    for child in children {
        crate::world::finish(child).exits(0);
    }
    let listed = world.run(["story", "list"]).exits(0).stdout;
    let ids: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(ids, ["S-1", "S-2", "S-3", "S-4", "S-5", "S-6"]);
}
