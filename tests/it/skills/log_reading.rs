//! A log is brought down to its shapes.

use super::{machine, nasty, refused, untouched};

const LOG: &str = "2026-01-02T10:00:00Z INFO start\n\
    2026-01-02T10:00:01Z INFO 0 errors so far\n\
    2026-01-02T10:00:02Z INFO request 550e8400-e29b-41d4-a716-446655440000 from 10.0.0.1\n\
    2026-01-02T10:00:03Z ERROR request 550e8400-e29b-41d4-a716-446655440000 failed: pool \"main\" is empty after 30 s\n\
    2026-01-02T10:00:04Z ERROR request 650e8400-e29b-41d4-a716-446655440000 failed: pool \"rest\" is empty after 31 s\n\
    {\"level\":\"error\",\"msg\":\"no such user 12\",\"time\":\"1\"}\n\
    {\"level\":\"error\",\"msg\":\"no such user 13\",\"time\":\"2\"}\n\
    {\"level\":\"info\",\"msg\":\"fine\",\"err\":null}\n";

#[test]
fn problems_are_grouped_by_shape() {
    let world = machine();
    let name = nasty(".log");
    world.write(&name, LOG);
    let ran = untouched(&world, "log-reading", &[("file", &name)]).exits(0);
    assert!(ran.stdout.starts_with("8 lines, 4 of them speak of a problem; 4 taken, of 2 shapes\n"), "{ran:?}");
    assert!(ran.stdout.contains("the first problem is line 4, after:\n  | 2026-01-02T10:00:00Z INFO start"), "{ran:?}");
    assert!(ran.stdout.contains("      2         4         5  2026-01-02T10:00:03Z ERROR"), "{ran:?}");
    assert!(
        ran.stdout.contains("      2         6         7  {\"level\":\"error\",\"msg\":\"no such user 12\""),
        "{ran:?}"
    );
}

#[test]
fn one_request_is_followed_and_packed_logs_are_read() {
    let world = machine();
    world.write("app.log", LOG);
    let one = [("file", "app.log"), ("level", "all"), ("with", "550e8400-e29b-41d4-a716-446655440000")];
    let ran = untouched(&world, "log-reading", &one).exits(0);
    assert!(ran.stdout.contains("2 taken, of 2 shapes"), "{ran:?}");
    world.write("back\\slash.log", "error a\\tb\nerror c\n");
    let ran = untouched(&world, "log-reading", &[("file", "back\\slash.log"), ("with", "a\\tb")]).exits(0);
    assert!(ran.stdout.contains("1 taken"), "{ran:?}");
    world.write("ids.log", "error in cafe12345678\nerror in deadbeef9999aaaa\nerror in facade\n");
    let ran = untouched(&world, "log-reading", &[("file", "ids.log")]).exits(0);
    assert!(ran.stdout.contains("3 taken, of 2 shapes"), "{ran:?}");
    let packed = world.command(world.root().join("bin/gzip")).arg("app.log").output().unwrap();
    assert!(packed.status.success());
    let ran = untouched(&world, "log-reading", &[("file", "app.log.gz"), ("most", "1")]).exits(0);
    assert!(ran.stdout.contains("and 1 more shapes, each at most 2 times"), "{ran:?}");
}

#[test]
fn bad_input_is_refused() {
    let world = machine();
    refused(untouched(&world, "log-reading", &[]), "file is missing");
    refused(untouched(&world, "log-reading", &[("file", "-n")]), "there is no file ./-n");
    refused(untouched(&world, "log-reading", &[("file", "README.md"), ("level", "some")]), "problems or all");
}
