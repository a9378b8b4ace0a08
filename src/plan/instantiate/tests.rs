use std::num::NonZeroU32;

use indexmap::IndexMap;
use serde_json::json;

use super::*;
use crate::mission::field::shape::Shape;
use crate::mission::model::{
    self, ForEach, Input, Join, ListSource, Mission, MissionWork, TaskWorkspace, Touches, With,
};
use crate::name::{InputId, VarId};
use crate::plan::build::tests::{agent, command, id, mission, plan};

/// A run in which these tasks handed this over.
struct World {
    run: RunId,
    outputs: Outputs,
    ended: BTreeMap<TaskId, EndedAs>,
}

impl World {
    fn new(handed: &[(&str, &str, Value)]) -> Self {
        let mut outputs = Outputs::new();
        for (task, output, value) in handed {
            outputs.entry(id(task)).or_default().insert(OutputId::parse(output).unwrap(), value.clone());
        }
        let ended = outputs.keys().map(|task| (task.clone(), EndedAs::Succeeded)).collect();
        Self { run: RunId::parse("bcdfghjk").unwrap(), outputs, ended }
    }

    fn seen(&self) -> Seen<'_> {
        Seen { run: &self.run, outputs: &self.outputs, ended: &self.ended }
    }
}

fn over(variables: &[(&str, ListSource)]) -> ForEach {
    let variable = |(id, list): &(&str, ListSource)| (VarId::parse(id).unwrap(), list.clone());
    let max_instances = NonZeroU32::new(50).unwrap();
    ForEach { variables: variables.iter().map(variable).collect(), key: None, max_instances }
}

fn values(list: Value) -> ListSource {
    ListSource::Values(serde_json::from_value(list).unwrap())
}

fn cel(text: &str) -> ListSource {
    ListSource::Cel(text.to_owned())
}

/// `plan`, which hands over `parts`, then `build` for each of a list.
fn two(list: ListSource, change: impl FnOnce(&mut model::Task)) -> Mission {
    let mut first = command(&[]);
    first.outputs = IndexMap::from([(OutputId::parse("parts").unwrap(), Shape::List(Box::new(Shape::Object)))]);
    let mut build = command(&["plan"]);
    build.for_each = Some(over(&[("part", list)]));
    change(&mut build);
    mission([("plan", first), ("build", build)])
}

fn keyed(build: &mut model::Task, key: &str) {
    build.for_each.as_mut().unwrap().key = Some(key.to_owned());
}

fn ids(parts: &[(TaskId, Task)]) -> Vec<&str> {
    parts.iter().map(|(id, _)| id.as_str()).collect()
}

/// The instances of `build` over what `plan` handed over.
fn built(list: Value, change: impl FnOnce(&mut model::Task)) -> Result<Vec<(TaskId, Task)>, String> {
    let plan = plan(&two(cel("tasks.plan.outputs.parts"), change));
    let world = World::new(&[("plan", "parts", list)]);
    parts(&plan, &id("build"), &world.seen()).map_err(|failure| failure.message)
}

fn grown(plan: &Plan, group: &str, world: &World) -> Plan {
    let parts = parts(plan, &id(group), &world.seen()).unwrap();
    let mut plan = plan.clone();
    plan.tasks.extend(parts);
    plan
}

#[test]
fn instances_are_complete_tasks() {
    let list = json!([{ "name": "auth", "path": "src/auth" }, { "name": "Log In/out", "path": "src/[log]" }]);
    let parts = built(list, |build| {
        build.title = Some("Build".to_owned());
        build.touches = Some(Touches::Globs(vec!["{{part.path}}/**".to_owned()]));
    })
    .unwrap();
    assert_eq!(ids(&parts), ["build[auth]", "build[Log-In-out]"]);
    let (_, second) = &parts[1];
    assert_eq!(second.title, "Build (Log-In-out)");
    assert_eq!(second.branch.as_deref(), Some("ai-sdlc/{{run.id}}/build+Log-In-out"));
    assert_eq!(second.touches.as_deref(), Some(["src/\\[log\\]/**".to_owned()].as_slice()));
    assert_eq!((second.late_touches.as_ref(), second.needs.as_slice()), (None, [id("plan")].as_slice()));
    let variables = &second.scope.as_ref().unwrap().variables;
    assert_eq!(variables.values().next(), Some(&json!({ "name": "Log In/out", "path": "src/[log]" })));
    assert!(matches!(second.kind, TaskKind::Command(_)));
}

#[test]
fn several_variables_make_the_cross_product_the_last_one_fastest() {
    let mut test = command(&[]);
    test.for_each = Some(over(&[("os", values(json!(["linux", "mac"]))), ("db", values(json!(["pg", "my"])))]));
    let plan = plan(&mission([("test", test)]));
    let parts = parts(&plan, &id("test"), &World::new(&[]).seen()).unwrap();
    assert_eq!(ids(&parts), ["test[linux-pg]", "test[linux-my]", "test[mac-pg]", "test[mac-my]"]);
    assert_eq!(foreseen(&plan, &id("test")).map(|parts| parts.unwrap().len()), Some(4));
}

#[test]
fn an_instance_is_called_by_key_value_name_id_or_place() {
    let named = |list: Value| built(list, |_| ()).map(|parts| ids(&parts).join(" "));
    assert_eq!(
        named(json!(["a", "b.lock", "-x-", "c..d", "日本"])).unwrap(),
        "build[a] build[b-lock] build[x] build[c.d] build[4]"
    );
    assert_eq!(
        named(json!([{ "id": 7 }, { "name": "n", "id": 1 }, { "x": 1 }, 5, [1]])).unwrap(),
        "build[7] build[n] build[2] build[3] build[4]"
    );
    assert_eq!(named(json!(["x".repeat(60)])).unwrap(), "build[0]");
    assert_eq!(named(json!([])).unwrap(), "");
    let by_key = |list: Value, key: &str| built(list, |build| keyed(build, key)).map(|parts| ids(&parts).join(" "));
    assert_eq!(by_key(json!([{ "path": "src/a" }]), "part.path").unwrap(), "build[src-a]");
    assert_eq!(by_key(json!([1, 2]), "'n' + string(part)").unwrap(), "build[n1] build[n2]");
    let told = by_key(json!([{}]), "[part]").unwrap_err();
    assert_eq!(told, "`key` of task `build`, `[part]`, is a list; it must be a short text");
    assert!(by_key(json!(["?"]), "part").unwrap_err().contains("is `?`: it needs a letter or a digit"));
}

#[test]
fn what_cannot_be_expanded_is_said_with_its_values() {
    let told = |list: Value| built(list, |_| ()).unwrap_err();
    assert_eq!(
        told(json!(["a b", "c", "a-b"])),
        "two instances of task `build` would be `a-b`: part = \"a b\", and part = \"a-b\"; say with `key` what tells them apart"
    );
    assert_eq!(
        told(json!("a, b")),
        "`for_each` of task `build`: `part` goes through a list, and `tasks.plan.outputs.parts` is a string"
    );
    assert!(told(json!(null)).ends_with("is null"));
    let many = built(json!((0..51).collect::<Vec<_>>()), |_| ()).unwrap_err();
    assert_eq!(many, "task `build` would have 51 instances, and `max_instances` is 50; none was started");
    assert_eq!(built(json!((0..50).collect::<Vec<_>>()), |_| ()).unwrap().len(), 50);
}

#[test]
fn what_the_mission_says_itself_is_refused_before_a_run() {
    use crate::plan::build::build;
    use crate::plan::build::tests::{catalog, with};
    let refused = |mission: &Mission| {
        let errors = with(mission, &catalog("You."), |request| build(&request)).unwrap_err();
        errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; ")
    };
    assert!(refused(&two(values(json!(["a", "a"])), |_| ())).contains("would be `a`"));
    let mut one_branch = two(values(json!(["a", "b"])), |_| ());
    one_branch.workspace.branch = "work".to_owned();
    assert!(refused(&one_branch).contains("have the same branch, `work`"), "{}", refused(&one_branch));
    let escape = |build: &mut model::Task| build.touches = Some(Touches::Globs(vec!["{{part}}/**".to_owned()]));
    assert!(refused(&two(values(json!(["../x"])), escape)).contains("`..` would lead out"));
}

#[test]
fn what_others_gave_is_a_name_of_a_file_never_a_glob() {
    let globs = |list: Value, touches: Touches| {
        let parts = built(list, |build| build.touches = Some(touches))?;
        Ok::<_, String>(parts[0].1.touches.clone().unwrap())
    };
    let template = |text: &str| Touches::Globs(vec![text.to_owned()]);
    let computed = |text: &str| Touches::Cel(text.to_owned());
    let file = |path: &str| json!([{ "name": "n", "path": path, "files": [path, "b"] }]);
    assert_eq!(globs(file("a*{b,c}\\"), template("{{part.path}}")).unwrap(), ["a\\*\\{b\\,c\\}\\\\"]);
    assert_eq!(globs(file("**"), computed("part.files")).unwrap(), ["\\*\\*", "b"]);
    assert_eq!(globs(file("*"), computed("['src/' + part.path + '/**']")).unwrap(), ["src/\\*/**"]);
    for bad in ["", " ", "/etc", "../x", "a/../../b", ".git/hooks", "a/.GIT"] {
        assert!(globs(file(bad), template("{{part.path}}")).is_err(), "{bad:?} in a template");
        assert!(globs(file(bad), computed("part.files")).is_err(), "{bad:?} in CEL");
    }
    assert!(globs(file(""), template("{{part.path}}**")).unwrap_err().ends_with("`part.path` is empty"));
    assert!(globs(file(""), computed("['src/' + part.path + '/**']")).unwrap_err().contains("a folder without a name"));
    assert!(globs(file("a"), computed("part.path")).unwrap_err().contains("is a string; it must be a list of globs"));
}

#[test]
fn files_that_another_task_names_are_known_when_it_has_ended() {
    let mut mission = two(cel("tasks.plan.outputs.parts"), |_| ());
    let mut last = command(&["plan"]);
    last.touches = Some(Touches::Cel("tasks.plan.outputs.parts.map(p, p.path)".to_owned()));
    mission.tasks.insert(id("last"), last);
    let plan = plan(&mission);
    assert!(plan.tasks["last"].touches.is_none() && plan.tasks["last"].late_touches.is_some());
    let world = World::new(&[("plan", "parts", json!([{ "path": "a" }, { "path": "b?" }]))]);
    assert_eq!(touches(&plan, &id("last"), &world.seen()).unwrap(), ["a", "b\\?"]);
    assert!(touches(&plan, &id("last"), &World::new(&[]).seen()).is_err());
}

#[test]
fn a_condition_stands_on_the_group_unless_it_names_a_variable() {
    let with_when =
        |when: &str| plan(&two(cel("tasks.plan.outputs.parts"), |build| build.when = Some(when.to_owned())));
    let world = World::new(&[("plan", "parts", json!([{ "name": "a", "big": true }, { "name": "b", "big": false }]))]);
    let group = with_when("size(tasks.plan.outputs.parts) > 2");
    assert_eq!(condition(&group, &id("build"), &world.seen()), Ok(false));
    let group = grown(&group, "build", &world);
    assert_eq!(condition(&group, &id("build[a]"), &world.seen()), Ok(true));
    let each = grown(&with_when("part.big"), "build", &world);
    let holds = |task: &str| condition(&each, &id(task), &world.seen()).unwrap();
    assert_eq!((holds("build"), holds("build[a]"), holds("build[b]")), (true, true, false));
    // A macro's own variable is none of the instances'.
    let shadowed = with_when("tasks.plan.outputs.parts.all(part, part.big)");
    assert_eq!(condition(&shadowed, &id("build"), &world.seen()), Ok(false));
}

#[test]
fn conditions_see_how_tasks_ended_and_null_where_nothing_was_handed_over() {
    let mut after = command(&["plan"]);
    after.when =
        Some("tasks.plan.status == 'skipped' && tasks.plan.outputs.parts == null && mission.name == 'm'".to_owned());
    let mut mission = two(values(json!(["a"])), |_| ());
    mission.tasks.insert(id("after"), after);
    let plan = plan(&mission);
    let mut world = World::new(&[]);
    world.ended.insert(id("plan"), EndedAs::Skipped);
    assert_eq!(condition(&plan, &id("after"), &world.seen()), Ok(true));
    world.ended.insert(id("plan"), EndedAs::Failed);
    assert_eq!(condition(&plan, &id("after"), &world.seen()), Ok(false));
    assert_eq!(condition(&plan, &id("plan"), &world.seen()), Ok(true));
}

#[test]
fn a_group_hands_over_lists_in_the_order_of_its_instances() {
    let mission = two(cel("tasks.plan.outputs.parts"), |build| {
        build.outputs = IndexMap::from([(OutputId::parse("lines").unwrap(), Shape::Integer)]);
    });
    let world = World::new(&[
        ("plan", "parts", json!(["z", "b", "a"])),
        ("build[a]", "lines", json!(1)),
        ("build[z]", "lines", json!(3)),
    ]);
    let plan = grown(&plan(&mission), "build", &world);
    let given = outputs(&plan, &id("build"), &world.seen()).unwrap();
    assert_eq!(given.values().collect::<Vec<_>>(), [&json!([3, null, 1])]);
    let none = World::new(&[("plan", "parts", json!([]))]);
    let plan = grown(&crate::plan::build::tests::plan(&mission), "build", &none);
    let given = outputs(&plan, &id("build"), &none.seen()).unwrap();
    assert_eq!(given.values().collect::<Vec<_>>(), [&json!([])]);
}

fn input(schema: Value, default: Option<Value>) -> Input {
    Input { description: String::new(), schema, default }
}

/// A mission of a writer and a reviewer in one worktree, and a check for each of what it is told.
fn polish() -> Mission {
    let mut write = agent(&[], "Write {{inputs.topic}}.");
    write.touches = Some(Touches::Globs(vec!["docs/{{inputs.topic}}.md".to_owned()]));
    let mut review = agent(&["write"], "Review.");
    review.workspace = TaskWorkspace::With(id("write"));
    review.rework = vec![id("write")];
    review.outputs = IndexMap::from([(OutputId::parse("good").unwrap(), Shape::Boolean)]);
    review.when = Some("tasks.write.status == 'succeeded' && size(inputs.langs) > 0".to_owned());
    let mut translate = command(&["review"]);
    translate.for_each = Some(over(&[("lang", cel("inputs.langs"))]));
    let mut mission = mission([("write", write), ("review", review), ("translate", translate)]);
    mission.name = "polish".parse().unwrap();
    let id = |text: &str| InputId::parse(text).unwrap();
    mission.inputs = IndexMap::from([
        (id("topic"), input(json!({ "type": "string", "pattern": "^[a-z]+$" }), None)),
        (id("langs"), input(json!({ "type": "array" }), Some(json!(["de", "fr"])))),
    ]);
    mission.outputs = IndexMap::from([(OutputId::parse("good").unwrap(), "tasks.review.outputs.good".to_owned())]);
    mission
}

fn uses(with: &[(&str, With)], needs: &[&str]) -> model::Task {
    let work = MissionWork {
        file: "polish.toml".to_owned(),
        sha256: "1".to_owned(),
        mission: Box::new(polish()),
        with: with.iter().map(|(id, with)| (InputId::parse(id).unwrap(), with.clone())).collect(),
    };
    model::Task { kind: model::TaskKind::Mission(work), ..command(needs) }
}

fn text(value: &str) -> With {
    With::Value(json!(value))
}

#[test]
fn a_mission_becomes_tasks_that_know_where_they_are() {
    let mut group = uses(&[("topic", text("{{mission.name}}x"))], &["first"]);
    group.join = Join::NoneFailed;
    let plan = plan(&mission([("first", command(&[])), ("page", group)]));
    assert_eq!(plan.tasks["page"].hands_over(), [OutputId::parse("good").unwrap()]);
    let world = World::new(&[]);
    let parts = parts(&plan, &id("page"), &world.seen()).unwrap();
    assert_eq!(ids(&parts), ["page/write", "page/review", "page/translate"]);
    let [(_, write), (_, review), (_, translate)] = parts.as_slice() else { panic!("three tasks") };
    assert_eq!((write.needs.as_slice(), write.join), ([id("first")].as_slice(), Join::NoneFailed));
    assert_eq!((write.handoff_from.as_slice(), write.title.as_str()), ([id("first")].as_slice(), "page/write"));
    assert_eq!(write.touches.as_deref(), Some(["docs/mx.md".to_owned()].as_slice()));
    assert_eq!(
        (review.needs.as_slice(), review.rework.as_slice()),
        ([id("page/write")].as_slice(), [id("page/write")].as_slice())
    );
    assert_eq!(review.workspace, TaskWorkspace::With(id("page/write")));
    assert_eq!(review.branch.as_deref(), Some("ai-sdlc/{{run.id}}/page/write"));
    assert_eq!((translate.branch.as_ref(), translate.needs.as_slice()), (None, [id("page/review")].as_slice()));
    let scope = review.scope.as_ref().unwrap();
    assert_eq!((scope.within.as_ref(), &scope.inputs), (Some(&id("page")), &write.scope.as_ref().unwrap().inputs));
    let told: Vec<&Value> = scope.inputs.as_ref().unwrap().values().collect();
    assert_eq!(told, [&json!(["de", "fr"]), &json!("mx")]);
}

#[test]
fn names_in_a_mission_used_as_a_task_are_its_own() {
    let mut group = uses(&[("topic", text("{{part}}")), ("langs", With::Cel("[part, 'en']".to_owned()))], &[]);
    group.for_each = Some(over(&[("part", values(json!(["auth", "log"])))]));
    let plan = plan(&mission([("review", command(&[])), ("feature", group)]));
    let world = World::new(&[("feature[auth]/write", "x", json!(1)), ("feature[auth]/review", "good", json!(true))]);
    let plan = grown(&grown(&plan, "feature", &world), "feature[auth]", &world);
    let plan = grown(&plan, "feature[auth]/translate", &world);
    assert!(plan.tasks.contains_key("feature[auth]/translate[auth]"), "{:?}", plan.tasks.keys());
    let last = &plan.tasks["feature[auth]/translate[en]"];
    assert_eq!(last.needs, [id("feature[auth]/review")]);
    assert_eq!(last.branch.as_deref(), Some("ai-sdlc/{{run.id}}/feature+auth/translate+en"));
    assert_eq!(condition(&plan, &id("feature[auth]/review"), &world.seen()), Ok(true));
    let given = outputs(&plan, &id("feature[auth]"), &world.seen()).unwrap();
    assert_eq!(given.values().collect::<Vec<_>>(), [&json!(true)]);
    let mut world = World::new(&[("feature[auth]", "good", json!(true))]);
    world.ended.clear();
    let given = outputs(&plan, &id("feature"), &world.seen()).unwrap();
    assert_eq!(given.values().collect::<Vec<_>>(), [&json!([true, null])]);
}

#[test]
fn what_a_mission_is_told_must_fit() {
    let told = |with: &[(&str, With)]| {
        let plan = plan(&mission([("first", command(&[])), ("page", uses(with, &["first"]))]));
        parts(&plan, &id("page"), &World::new(&[]).seen()).unwrap_err().message
    };
    // What the run gives is known only then: no plan can refuse it.
    let late = |text: &str| With::Cel(format!("tasks.first.status == 'x' ? 'a' : {text}"));
    let head = "task `page`: the input ";
    assert!(
        told(&[("topic", late("'A B'"))]).starts_with(&format!("{head}`topic` of mission `polish` does not fit: "))
    );
    assert!(told(&[("langs", late("1"))]).contains("the input `topic` of mission `polish` is missing"));
    assert!(
        told(&[("topic", late("'a'")), ("other", late("1"))])
            .contains("`other` of mission `polish` is not declared there")
    );
}

#[test]
fn an_id_that_would_be_too_long_is_refused() {
    let long = "x".repeat(48);
    let mut group = uses(&[("topic", text("a"))], &[]);
    group.for_each = Some(over(&[("part", values(json!([long])))]));
    let name: &'static str = Box::leak("t".repeat(64).into_boxed_str());
    let plan = plan(&mission([(name, group)]));
    let deep = foreseen(&plan, &id(name)).unwrap().unwrap();
    assert_eq!(deep[0].0.as_str().len(), 64 + 50);
    let mut wide = plan.clone();
    let long_id = id(&format!("{0}/{0}/{0}", "t".repeat(64)));
    wide.tasks.insert(long_id.clone(), plan.tasks[name].clone());
    let told = parts(&wide, &long_id, &World::new(&[]).seen()).unwrap_err().message;
    assert!(told.contains("is longer than 200 bytes"), "{told}");
}
