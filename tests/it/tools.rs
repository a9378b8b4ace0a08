//! The tools of a session: the command, the server of the Model Context Protocol, what they refuse, and clients that
//! mean no good.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Ran, World, finish, wait_for};

const ROLE: &str = "---\nname: dev\ndescription: Works.\nkind: code\n---\n{{task.prompt}}\n";

/// A skill of this name; `more` is the rest of its `skill.toml`.
fn skill(world: &World, name: &str, more: &str, script: &str) {
    let front = format!("---\nname: {name}\ndescription: How to {name} things.\n---\nDo it.\n");
    world.write(&format!("skills/{name}/SKILL.md"), &front);
    world.write(&format!("skills/{name}/skill.toml"), more);
    if !script.is_empty() {
        world.write(&format!("skills/{name}/scripts/run.sh"), script);
    }
}

const HANDLER: &str = "[handler]\ncommand = [\"sh\", \"./scripts/run.sh\"]\n";

/// A mission whose tasks are done by a shell script.
fn scripted(world: &World, script: &str, mission: &str) {
    world.write("roles/dev.md", ROLE);
    fs::write(world.home().join("agent.sh"), format!("cat > /dev/null\n{script}")).unwrap();
    let agent = "[agents.mine]\nbackend = \"command\"\ncommand = [\"sh\", \"-c\", \". $HOME/agent.sh\"]\n";
    world.mission(&format!("[mission]\nname = \"m\"\n[defaults]\nrole = \"dev\"\nagent = \"mine\"\n{agent}{mission}"));
}

fn run(world: &World) -> Ran {
    world.run(["mission", "run", "mission.toml", "--yes"])
}

fn left(world: &World, name: &str) -> String {
    fs::read_to_string(world.home().join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn used(world: &World) -> Vec<Value> {
    world.events().into_iter().filter(|event| event["type"] == "skill-used").collect()
}

/// Sockets that lie around.
fn sockets(world: &World) -> Vec<PathBuf> {
    let tmp = fs::read_dir(world.root().join("tmp")).unwrap().flatten().map(|entry| entry.path());
    tmp.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("ai-sdlc-")).collect()
}

#[test]
fn a_session_asks_by_the_command() {
    let world = World::new();
    let schema = "side_effects = true\n[parameters]\ntype = \"object\"\nrequired = [\"id\"]\n\
                  properties = { id = { type = \"string\" }, count = { type = \"integer\" } }\n";
    let script =
        "cat; echo \" $AI_SDLC_PARAMETERS in $PWD for $MINE\"; ls \"$AI_SDLC_SKILL_DIR\"; echo oops >&2; exit 4\n";
    skill(&world, "greet", &format!("{schema}{HANDLER}"), script);
    skill(&world, "read-me", "tags = [\"migration\"]\n", "");
    let agent = r#"
        test $AI_SDLC_TASK = first && exit
        cd $HOME
        tool() { name=$1; shift; "$AI_SDLC_BIN" tool "$@" > $name.out 2> $name.err; echo $? > $name.code; }
        tool discover discover-skills --for "a migration"
        tool json discover-skills --json
        tool greet run-skill greet --param id=12 --param count=3
        echo '{"id": 5}' | tool wrong run-skill greet --json -
        tool reads run-skill read-me
        tool none run-skill nobody
        tool progress report-progress half way
        tool before read-handoff
        tool nobody read-handoff other
        echo '{"status": "done", "summary": "Said by a tool."}' | tool bad write-handoff
        printf -- '---\nstatus: done\nsummary: Said by a tool.\noutputs:\n  n: 7\n---\n' > h.md
        tool good write-handoff h.md
    "#;
    let mission = "[tasks.first]\nprompt = \"x\"\n[tasks.a]\nprompt = \"x\"\nneeds = [\"first\"]\nskills = [\"greet\", \"read-me\"]\n\
                   env = { MINE = \"me\" }\noutputs = { n = \"integer\" }\n";
    scripted(&world, agent, mission);
    run(&world).exits(0);

    let codes = ["discover", "json", "greet", "wrong", "reads", "none", "progress", "before", "nobody", "bad", "good"]
        .map(|name| (name, left(&world, &format!("{name}.code")).trim().to_owned()));
    let expected = ["0", "0", "1", "1", "1", "1", "0", "0", "1", "0", "0"];
    assert_eq!(codes.each_ref().map(|(_, code)| code.as_str()), expected, "{codes:?}");

    let discovered = left(&world, "discover.out");
    assert!(discovered.starts_with("read-me: How to read-me things.\n"), "{discovered}");
    let listed: Value = serde_json::from_str(&left(&world, "json.out")).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["runs"]), (&json!("greet"), &json!(true)));
    assert_eq!(listed[1]["runs"], false);

    let greeted = left(&world, "greet.out");
    assert!(greeted.starts_with("{\"id\":\"12\",\"count\":3} {\"id\":\"12\",\"count\":3} in "), "{greeted}");
    assert!(greeted.contains("for me\nSKILL.md\nscripts\nskill.toml\n"), "{greeted}");
    assert_eq!(left(&world, "greet.err"), "oops\n[exit 4]\n");
    let wrong = left(&world, "wrong.err");
    assert!(wrong.contains("the parameters do not fit: `/id`"), "{wrong}");
    assert!(left(&world, "reads.err").contains("nothing to run"), "{}", left(&world, "reads.err"));
    assert!(left(&world, "none.err").contains("no skill `nobody`"), "{}", left(&world, "none.err"));
    assert!(left(&world, "before.out").contains("task: \"first\""), "{}", left(&world, "before.out"));
    assert!(left(&world, "nobody.err").contains("from first"), "{}", left(&world, "nobody.err"));
    assert!(left(&world, "bad.out").contains("the output `n`"), "{}", left(&world, "bad.out"));

    let ended = world.events().into_iter().rfind(|event| event["type"] == "session-ended").unwrap();
    assert_eq!(ended["end"]["narrative"]["summary"], "Said by a tool.");
    assert_eq!(ended["end"]["outputs"]["n"], 7);
    assert!(world.events().iter().any(|event| event["type"] == "progress" && event["text"] == "half way"));
    let uses = used(&world);
    assert_eq!(uses.len(), 1, "{uses:?}");
    assert_eq!((&uses[0]["skill"], &uses[0]["how"], &uses[0]["session"]), (&json!("greet"), &json!("run"), &json!(1)));

    let report = world.report();
    assert_eq!(report["unused_skills"], json!([{ "skill": "read-me", "tasks": ["a"] }]));
    let of_task = world.task("a")["skills"].clone();
    assert_eq!(
        of_task[0],
        json!({ "skill": "greet", "role": "dev", "kind": "work", "given": 1, "runs": 1, "reads": 0 })
    );
    let markdown = world.run(["run", "report"]).exits(0).stdout;
    assert!(markdown.contains("were not seen to use:\n\n- `read-me` (a)"), "{markdown}");
    assert!(markdown.contains("\nSkills that were used:\n\n- `greet`, dev: run 1 time (a)\n"), "{markdown}");
    let text = world.run(["run", "report", "--format", "text"]).exits(0).stdout;
    assert!(text.contains("\nSkills that were used:\n  greet  dev  run 1 time (a)\n"), "{text}");
    assert!(text.contains("were not seen to use:\n  read-me (a)\n"), "{text}");
    assert_eq!(sockets(&world), Vec::<PathBuf>::new(), "sockets are taken away");
}

#[test]
fn what_a_session_may_not_is_not_run_for_it() {
    let world = World::new();
    let ran = "echo ran >> $HOME/ran; cat $HOME/nothing\n";
    skill(&world, "changes", &format!("side_effects = true\n{HANDLER}"), ran);
    skill(&world, "asks", &format!("requires_confirmation = true\n{HANDLER}"), ran);
    skill(&world, "looks", HANDLER, "echo looked\n");
    let agent = "for skill in changes asks looks; do\n\"$AI_SDLC_BIN\" tool run-skill $skill > $HOME/$AI_SDLC_TASK-$skill 2>&1\ndone\n";
    let task = |name: &str| {
        format!(
            "[tasks.{name}]\nprompt = \"x\"\npermissions = \"{name}\"\nskills = [\"changes\", \"asks\", \"looks\"]\n"
        )
    };
    scripted(&world, agent, &["read", "edit", "full"].map(task).concat());
    run(&world).exits(0);
    for (file, words) in [
        ("read-changes", "may only read"),
        ("read-asks", "confirmation"),
        ("read-looks", "looked"),
        ("edit-changes", "[exit 1]"),
        ("edit-asks", "permissions = \"full\""),
        ("full-changes", "[exit 1]"),
        ("full-asks", "[exit 1]"),
    ] {
        assert!(left(&world, file).contains(words), "{file}: {}", left(&world, file));
    }
    assert_eq!(left(&world, "ran").lines().count(), 3);
}

#[test]
fn a_skill_that_takes_too_long_or_prints_too_much_is_cut() {
    let world = World::new();
    let quick = "[handler]\ncommand = [\"sh\", \"./scripts/run.sh\"]\ntimeout_s = 1\n";
    skill(&world, "slow", quick, "setsid sleep 600 & echo began; sleep 601\n");
    skill(&world, "loud", HANDLER, "yes x | head -c 3000000; echo the end\n");
    let agent = "\"$AI_SDLC_BIN\" tool run-skill slow > $HOME/slow 2>&1\n\"$AI_SDLC_BIN\" tool run-skill loud > $HOME/loud 2> $HOME/cut\n";
    scripted(&world, agent, "[tasks.a]\nprompt = \"x\"\nskills = [\"slow\", \"loud\"]\n");
    run(&world).exits(0);
    let slow = left(&world, "slow");
    assert!(slow.contains("began\n") && slow.contains("took longer than its limit"), "{slow}");
    let loud = left(&world, "loud");
    assert!(loud.len() <= 64 << 10 && loud.ends_with("the end\n"), "{}", loud.len());
    assert!(left(&world, "cut").contains("only the end"));
    let end = world.events().into_iter().find(|event| event["type"] == "session-ended").unwrap();
    assert_eq!(end["end"]["swept"], 0, "nothing of a skill outlives it: {end}");
}

#[test]
fn outside_a_session_there_is_nobody_to_ask() {
    let world = World::new();
    let ran = world.run(["tool", "discover-skills"]).exits(2);
    assert!(ran.stderr.contains("cli::no-session") && ran.stderr.contains("AI_SDLC_SOCKET"), "{ran:?}");
    let ran = world.run(["mcp"]).exits(2);
    assert!(ran.stderr.contains("cli::no-session"), "{ran:?}");
    let gone =
        Ran::of(&world.program().args(["tool", "read-handoff"]).env("AI_SDLC_SOCKET", "/nowhere/s").output().unwrap());
    let gone = gone.exits(5);
    assert!(gone.stderr.contains("cli::tool-unanswered") && gone.stderr.contains("go on without"), "{gone:?}");
}

#[test]
fn a_session_asks_by_the_model_context_protocol() {
    let world = World::new();
    skill(&world, "greet", HANDLER, "echo hello\n");
    let call = |id: u32, name: &str, arguments: Value| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": name, "arguments": arguments } });
    // As Claude Code opens it: the newest version first, which is given up for the older one.
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2027-01-01",
        "io.modelcontextprotocol/clientInfo": { "name": "claude-code", "version": "2.1.329" },
        "io.modelcontextprotocol/clientCapabilities": {} });
    let frames = [
        json!({ "jsonrpc": "2.0", "id": 0, "method": "server/discover", "params": { "_meta": meta } }),
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "protocolVersion": "2025-06-18",
            "capabilities": {}, "clientInfo": { "name": "claude-code", "version": "2.1.329" } } }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" }),
        call(3, "report_progress", json!({ "text": "by the protocol" })),
        call(4, "run_skill", json!({ "name": "greet" })),
        call(5, "run_skill", json!({ "name": "nobody" })),
        call(6, "run_skill", json!({ "parameters": {} })),
        call(7, "discover_skills", json!({})),
        call(8, "read_handoff", json!({})),
        call(9, "write_handoff", json!({ "text": "---\nstatus: done\nsummary: By the protocol.\n---\n" })),
    ];
    let text = frames.iter().map(|frame| format!("{frame}\n")).collect::<Vec<_>>().concat();
    fs::write(world.home().join("frames"), text).unwrap();
    let agent = "\"$AI_SDLC_BIN\" mcp < $HOME/frames > $HOME/answers 2> $HOME/complaints || echo $? > $HOME/failed\n";
    scripted(&world, agent, "[tasks.a]\nprompt = \"x\"\nskills = [\"greet\"]\n");
    run(&world).exits(0);

    let complaints = left(&world, "complaints");
    let answers: Vec<Value> = left(&world, "answers").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answer = |id: u32| {
        answers.iter().find(|answer| answer["id"] == id).unwrap_or_else(|| panic!("{id}: {answers:#?}\n{complaints}"))
    };
    assert!(answer(0)["error"].is_object(), "{}", answer(0));
    assert_eq!(answer(1)["result"]["serverInfo"]["name"], "aisdlc");
    let names: Vec<&str> =
        answer(2)["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["discover_skills", "read_handoff", "report_progress", "run_skill", "write_handoff"]);
    let said = |id: u32| answer(id)["result"]["content"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(said(3), "Noted.");
    assert_eq!(said(4), "hello\n[exit 0]\n");
    assert!(said(5).contains("no skill `nobody`") && answer(5)["result"]["isError"] == true);
    assert!(answer(6)["error"].is_object() || answer(6)["result"]["isError"] == true, "{}", answer(6));
    assert!(said(7).starts_with("greet: "), "{}", said(7));
    assert_eq!(said(8), "Nothing was handed over to this task.");
    assert!(said(9).starts_with("The handoff is in "), "{}", said(9));
    let ended = world.events().into_iter().find(|event| event["type"] == "session-ended").unwrap();
    assert_eq!(ended["end"]["narrative"]["summary"], "By the protocol.");
    assert!(world.events().iter().any(|event| event["type"] == "progress" && event["text"] == "by the protocol"));
}

#[test]
fn a_skill_whose_files_are_read_is_counted_once_a_session() {
    let world = World::new();
    skill(&world, "greet", "", "");
    skill(&world, "other", "", "");
    world.write("roles/dev.md", ROLE);
    let cat = "{ run = [\"cat\", \".agents/skills/ai-sdlc-greet/SKILL.md\"] }";
    world.write("play.toml", &format!("[[sessions]]\nplay = [{cat}, {cat}]\n"));
    world.mission(
        "[mission]\nname = \"m\"\n[defaults]\nrole = \"dev\"\nagent = \"embedded\"\n[agents.embedded]\nbackend = \"rehearsal\"\n\
         scenario = \"play.toml\"\n[tasks.a]\nprompt = \"x\"\nskills = [\"greet\", \"other\"]\n",
    );
    run(&world).exits(0);
    let uses: Vec<(Value, Value)> =
        used(&world).iter().map(|event| (event["skill"].clone(), event["how"].clone())).collect();
    assert_eq!(uses, [(json!("greet"), json!("read"))]);
    assert_eq!(world.report()["unused_skills"], json!([{ "skill": "other", "tasks": ["a"] }]));
    world.run(["mission", "rehearse", "mission.toml", "--scenario", "play.toml"]).exits(0);
    let told = world.run(["run", "report"]).exits(0).stdout;
    assert!(told.contains("- `greet`, dev: read in 1 of 1 session (a)\n") && !told.contains("not seen"), "{told}");
}

/// Clients that say nothing, too much, nonsense; then a good one. `perl` speaks to sockets, a shell does not.
const HOSTILE: &str = r#"
use IO::Socket::UNIX;
sub dial { IO::Socket::UNIX->new(Peer => $ENV{AI_SDLC_SOCKET}) }
$SIG{PIPE} = 'IGNORE';
my @idle = map { dial() } 1..40;
@idle = ();
for my $bad ("\n", "{}\n", "[[[[\n", "{\"tool\":\"rm\"}\n", "\xff\xfe\n", "{\"tool\":\"report-progress\",\"text\":\"a\"}\n{}\n") {
    my $s = dial(); print $s $bad; $s->flush; my $answer = <$s>; die "no refusal of $bad" unless $answer =~ /^\{"refused"/;
}
for (1..200) { my $s = dial(); print $s "{\"tool\":\"discover-skills\"}\n" if $_ % 2; close $s; }
my $s = dial(); my $block = "x" x 65536; my $sent = 0;
for (1..400) { last unless defined syswrite($s, $block); $sent += 65536; }
die "it read without end" if $sent > 8000000;
"#;

#[test]
fn hostile_clients_are_cut_off_and_the_next_is_served() {
    let world = World::new();
    fs::write(world.home().join("hostile.pl"), HOSTILE).unwrap();
    let agent = "perl $HOME/hostile.pl > $HOME/hostile.out 2>&1; echo $? > $HOME/hostile.code\n\
                 \"$AI_SDLC_BIN\" tool report-progress still here && echo served > $HOME/served\n";
    scripted(&world, agent, "[tasks.a]\nprompt = \"x\"\n");
    run(&world).exits(0);
    assert_eq!(left(&world, "hostile.code"), "0\n", "{}", left(&world, "hostile.out"));
    assert_eq!(left(&world, "served"), "served\n");
}

#[test]
fn nobody_but_the_session_is_heard() {
    let world = World::new();
    let agent = "echo $AI_SDLC_SOCKET > $HOME/socket.new; mv $HOME/socket.new $HOME/socket\nwhile ! test -e $HOME/go; do sleep 0.05; done\n";
    scripted(&world, agent, "[tasks.a]\nprompt = \"x\"\n");
    let child = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the session", || world.home().join("socket").exists());
    let socket = PathBuf::from(left(&world, "socket").trim());
    assert!(socket.as_os_str().len() < 107, "{}", socket.display());
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(socket.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let mut stranger = UnixStream::connect(&socket).unwrap();
    stranger.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let _cut_off_already = stranger.write_all(b"{\"tool\":\"discover-skills\"}\n");
    let mut answer = Vec::new();
    let _reset = stranger.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    fs::write(world.home().join("go"), "").unwrap();
    finish(child).exits(0);
    assert!(!socket.parent().unwrap().exists());
}

#[test]
fn tools_work_in_the_sandbox_and_what_they_run_stays_in_it() {
    let world = World::new().confined();
    skill(&world, "leaves", HANDLER, "echo in > inside.txt; echo out > $HOME/outside; echo $?\n");
    let agent = "\"$AI_SDLC_BIN\" tool run-skill leaves > told.txt 2>&1; \"$AI_SDLC_BIN\" tool report-progress on > said.txt 2>&1\n";
    scripted(&world, agent, "[merge]\ninto = \"main\"\n[tasks.a]\nprompt = \"x\"\nskills = [\"leaves\"]\n");
    run(&world).exits(0);
    let confined = world.report()["sandbox"]["state"] == "landlock";
    assert_eq!(world.read("said.txt"), "Noted.\n");
    assert_eq!(world.read("inside.txt"), "in\n");
    if confined {
        assert!(!world.home().join("outside").exists(), "{}", world.read("told.txt"));
    }
}

#[test]
fn what_a_skill_runs_goes_with_an_abort() {
    let world = World::new();
    skill(&world, "stays", HANDLER, "setsid sleep 600 & touch $HOME/began; sleep 601\n");
    let agent = "\"$AI_SDLC_BIN\" tool run-skill stays\n";
    scripted(&world, agent, "[tasks.a]\nprompt = \"x\"\nskills = [\"stays\"]\n");
    let child = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the skill", || world.home().join("began").exists());
    world.run(["run", "abort"]).exits(0);
    assert_eq!(finish(child).code, Some(130));
    assert_eq!(world.processes(), Vec::new());
    assert_eq!(sockets(&world), Vec::<PathBuf>::new());
}
