//! Changed lines that no test reaches, by each kind of report.

use super::{machine, nasty, refused, untouched};
use crate::world::World;

/// Lines 2 to 4 of `src/pkg/m.py` are changed, and a file is new.
fn changed() -> World {
    let world = machine();
    world.write("src/pkg/m.py", "a\nb\nc\n");
    world.write("src/pkg/same.py", "a\n");
    world.commit("before");
    world.write("src/pkg/m.py", "a\nB\nC\nd\n");
    world.write(&nasty(".py").replace('\n', ""), "x\ny\n");
    world.write("notes.txt", "no code\n");
    world
}

#[test]
fn lcov_of_another_machine_is_laid_over_the_change() {
    let world = changed();
    let name = nasty(".py").replace('\n', "");
    let report = format!(
        "TN:\nSF:/elsewhere/src/pkg/m.py\nDA:1,0\nDA:2,0\nDA:3,0\nDA:4,5\nend_of_record\nSF:{name}\nDA:1,1\nDA:2,0\nend_of_record\n\
         SF:{name}\nDA:2,0\nend_of_record\nSF:src/pkg/same.py\nDA:1,0\nend_of_record\n"
    );
    std::fs::write(world.home().join("lcov.info"), report).unwrap();
    let file = world.home().join("lcov.info").display().to_string();
    let ran = untouched(&world, "coverage", &[("report", &file)]).exits(1);
    let expected = format!("{name}:2\nsrc/pkg/m.py:2-3\n2 of 5 changed lines that can be run are reached (40 %)\n");
    assert_eq!(ran.stdout, expected);
    let ran = untouched(&world, "coverage", &[("report", &file), ("most", "1")]).exits(1);
    assert!(ran.stdout.contains("and 1 more\n"), "{ran:?}");
}

#[test]
fn cobertura_and_jacoco_are_read_whatever_their_line_breaks() {
    let world = changed();
    let line = |number: u32, hits: u32| format!("<line number=\"{number}\" hits=\"{hits}\"/>");
    let class = format!("<class name=\"m\" filename=\"pkg/m.py\"><lines>{}{}</lines></class>", line(2, 0), line(4, 1));
    world.write("coverage.xml", &format!("<?xml version=\"1.0\"?>\n<coverage><packages>{class}</packages></coverage>"));
    let ran = untouched(&world, "coverage", &[("report", "coverage.xml")]).exits(1);
    assert!(
        ran.stdout.starts_with("src/pkg/m.py:2\n-r a'b\"c $(touch owned) *.py: changed, and not in the report"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("1 of 2 changed"), "{ran:?}");

    world.write("src/main/java/a/b/X.java", "1\n2\n3\n");
    let jacoco = "<report name=\"x\"><package name=\"a/b\"><class name=\"a/b/X\"/><sourcefile name=\"X.java\"><line nr=\"1\" mi=\"0\" ci=\"3\"/>\
                  <line nr=\"3\" mi=\"2\" ci=\"0\"/></sourcefile></package></report>";
    world.write("jacoco.xml", jacoco);
    let ran = untouched(&world, "coverage", &[("report", "jacoco.xml")]).exits(1);
    assert!(ran.stdout.contains("src/main/java/a/b/X.java:3\n1 of 2 changed"), "{ran:?}");
}

#[test]
fn a_go_profile_is_read_from_where_the_branch_left() {
    let world = machine();
    world.write("go.mod", "module example.org/m\n\ngo 1.25\n");
    world.commit("before");
    world.git(["switch", "-q", "-c", "work"]);
    world.write("main.go", "1\n2\n3\n4\n");
    world.write("cmd/main.go", "1\n2\n");
    world.commit("on the branch");
    world.write("c.out", "mode: set\nexample.org/m/main.go:1.2,2.3 1 1\nexample.org/m/main.go:3.1,4.2 2 0\nexample.org/m/cmd/main.go:1.1,2.2 1 1\n");
    let ran = untouched(&world, "coverage", &[("report", "c.out"), ("base", "main")]).exits(1);
    assert_eq!(ran.stdout, "main.go:3-4\n4 of 6 changed lines that can be run are reached (66 %)\n");
    world.write("c.out", "mode: set\nexample.org/m/main.go:1.2,4.2 1 1\nexample.org/m/cmd/main.go:1.1,2.2 1 1\n");
    untouched(&world, "coverage", &[("report", "c.out"), ("base", "main")]).exits(0);
}

#[test]
fn bad_input_is_refused() {
    let world = changed();
    world.write("empty.info", "TN:\n");
    refused(untouched(&world, "coverage", &[]), "report is missing");
    refused(untouched(&world, "coverage", &[("report", "none.info")]), "there is no file");
    refused(untouched(&world, "coverage", &[("report", "README.md")]), "neither lcov nor Cobertura");
    refused(untouched(&world, "coverage", &[("report", "empty.info")]), "tells of no line");
    refused(untouched(&world, "coverage", &[("report", "empty.info"), ("base", "--")]), "-- is no commit");
}
