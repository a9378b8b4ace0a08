//! Whoever wants to know is told, and the run does not care how that goes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::thread;

use crate::world::World;

fn mission(notify: &str) -> String {
    format!(
        r#"
[mission]
name = "tells"
[merge]
into = "main"
{notify}
[tasks.works]
run = "echo x > x.txt"
"#
    )
}

#[test]
fn a_command_is_told_what_happened() {
    let world = World::new();
    let tell = r#"
[[notify]]
on = ["failed", "gate", "budget", "delivered", "finished"]
command = ["sh", "-c", "echo \"$AI_SDLC_EVENT|$AI_SDLC_MISSION|$AI_SDLC_TASK|$AI_SDLC_OUTCOME|$AI_SDLC_MESSAGE\" >> \"$HOME/told\"; pwd > \"$HOME/where\""]
"#;
    let more = "[tasks.fails]\nrun = \"exit 3\"\noptional = true\n[tasks.asks]\ngate = \"Go?\"\n";
    world.mission(&format!("{}{more}", mission(tell)));
    world.run(["mission", "run", "mission.toml", "-y"]).exits(3);
    world.run(["run", "approve"]).exits(0);
    world.run(["run", "resume"]).exits(0);
    let told = fs::read_to_string(world.home().join("told")).unwrap();
    // The resume tries what failed again.
    assert_eq!(told.matches("failed|tells|fails|failed|it exited with 3").count(), 2, "{told}");
    for line in [
        "gate|tells|asks||Go?",
        "finished|tells||waiting|waits for a person",
        "delivered|tells|||main is at ",
        "finished|tells||succeeded|succeeded",
    ] {
        assert_eq!(told.matches(line).count(), 1, "{line} in\n{told}");
    }
    let place = fs::canonicalize(fs::read_to_string(world.home().join("where")).unwrap().trim()).unwrap();
    assert_eq!(place, fs::canonicalize(world.project()).unwrap());
}

#[test]
fn a_notification_that_fails_is_a_note_and_nothing_more() {
    let world = World::new();
    let tell = "[[notify]]\non = [\"failed\"]\ncommand = [\"sh\", \"-c\", \"echo out of order >&2; exit 9\"]\n\
                [[notify]]\non = [\"finished\"]\ncommand = [\"no-such-program\"]\n";
    let slow =
        "[tasks.fails]\nrun = \"exit 3\"\noptional = true\n[tasks.slow]\nneeds = [\"works\"]\nrun = \"sleep 1\"\n";
    world.mission(&format!("{}{slow}", mission(tell)));
    let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    assert!(ran.stdout.contains("the notification of `failed` failed: it exited 9 out of order"), "{ran:?}");
}

#[test]
fn a_webhook_is_posted_to() {
    let world = World::new();
    let curl =
        std::env::split_paths(&std::env::var_os("PATH").unwrap()).map(|dir| dir.join("curl")).find(|at| at.is_file());
    symlink(curl.expect("curl on the PATH of the tests"), world.home().join("../bin/curl")).unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let served = thread::spawn(move || {
        let mut bodies = Vec::new();
        // The first request is refused: it is made again.
        for answer in ["503 Busy", "200 OK"] {
            let (mut stream, _) = server.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            bodies.push(serde_json::from_slice::<serde_json::Value>(&body).unwrap());
            write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        }
        bodies
    });
    world.mission(&mission(&format!("[[notify]]\non = [\"delivered\"]\nwebhook = \"http://{address}/hook\"\n")));
    world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    let bodies = served.join().unwrap();
    assert_eq!(bodies[0]["event"], "delivered");
    assert_eq!(bodies[1]["delivered"]["into"], "main");
    assert_eq!(bodies[1]["schema"], "ai-sdlc/notification/1");
}
