//! The final report for programs: `ai-sdlc/report/1`.

use serde_json::{Value, json as value};

use crate::amount::Basis;
use crate::kernel::fact::Delivered;
use crate::report::agents::{AgentStanding, agents_json};
use crate::report::end::{next, used};
use crate::report::event_json::rfc3339;
use crate::report::skills::SkillReport;
use crate::report::task::{CheckLine, End, Stage, TaskReport, Worker, class_word};
use crate::report::{Delivery, GateReport, HandoffReport, Report, Spent};

/// The report as one JSON document. A cost that is not known is null.
pub fn json(report: &Report) -> Value {
    let tasks: Vec<Value> = report.tasks.iter().map(|(id, task)| of_task(report, id.as_str(), task)).collect();
    value!({
        "schema": "ai-sdlc/report/1",
        "run": report.run,
        "mission": report.mission,
        "file": report.file,
        "rehearsal": report.is_rehearsal(),
        "place": report.place,
        "sandbox": report.sandbox,
        "outcome": report.outcome,
        "paused_by": report.pausing,
        "started": report.started.map(rfc3339),
        "last": rfc3339(report.last()),
        "live_ms": report.live_so_far(),
        "resumed": report.resumed,
        "budget": report.budget,
        "usage": spent(&report.spent),
        "used": used::document(report, spent),
        "integration": report.integration_branch(),
        "into": report.into,
        "merges": report.merges.iter().map(|(commit, tasks)| value!({ "commit": commit, "tasks": tasks })).collect::<Vec<_>>(),
        "collisions": report.collisions.iter().map(|one| value!({ "one": one.one, "two": one.two, "files": one.files, "more": one.more })).collect::<Vec<_>>(),
        "delivery": report.delivery.as_ref().map(of_delivery),
        "tasks": tasks,
        "not_run": report.not_run().iter().map(|(command, whose)| value!({ "command": command, "of": whose })).collect::<Vec<_>>(),
        "notes": report.notes.iter().map(|(task, text)| value!({ "task": task, "text": text })).collect::<Vec<_>>(),
        "agents": agents_json(report),
        "programs": report.programs().iter().map(|(agent, version)| value!({ "agent": agent, "version": version })).collect::<Vec<_>>(),
        "at_once": report.pace.as_ref().map(|pace| pace.at_once),
        "fault": report.fault,
        "unused_skills": report.unused_skills().iter().map(|(skill, tasks)| value!({ "skill": skill, "tasks": tasks })).collect::<Vec<_>>(),
        "next": next(report),
    })
}

fn spent(spent: &Spent) -> Value {
    let basis = spent.basis();
    let usd = (basis != Basis::Unknown).then(|| spent.usd());
    value!({ "usd_micro": usd, "known": spent.unknown == 0, "basis": basis, "tokens": spent.tokens })
}

fn of_delivery(delivery: &Delivery) -> Value {
    match delivery {
        Delivery::Made { into, commit, delivered } => match delivered {
            Delivered::Moved => value!({ "into": into, "commit": commit, "state": "moved" }),
            Delivered::Left { why, command } => {
                value!({ "into": into, "commit": commit, "state": "left", "why": why, "command": command })
            }
            Delivered::Raced => value!({ "into": into, "commit": commit, "state": "raced" }),
        },
        Delivery::Failed { into, why, files } => {
            value!({ "into": into, "state": "failed", "why": why, "files": files })
        }
    }
}

fn of_task(report: &Report, id: &str, task: &TaskReport) -> Value {
    let worker = match &task.worker {
        Worker::Agent { role, agent } => value!({ "role": role, "agent": agent }),
        Worker::Command(command) => value!({ "command": command }),
        Worker::Person => value!({ "person": true }),
        Worker::Parts => value!({ "parts": true }),
    };
    let mut all = value!({
        "id": id,
        "title": task.title,
        "worker": worker,
        "needs": task.needs,
        "excused": report.is_excused(task),
        "attempt": task.attempt,
        "round": task.round,
        "worked_ms": task.worked(report.last()),
        "usage": spent(&task.spent),
        "files": task.files,
        "added": task.added,
        "removed": task.removed,
        "commit": task.commit,
        "branch": task.branch,
        "worktree": task.kept,
        "checks": task.check_results.iter().map(of_check).collect::<Vec<_>>(),
        "problems": task.problems,
        "gate": task.gate.as_ref().map(of_gate),
        "review": task.review.as_ref().map(|review| value!({ "verdict": review.verdict, "reasons": review.reasons })),
        "sent_back": task.sent_back.as_ref().map(|(by, reason)| value!({ "by": by, "reason": reason })),
        "cache": task.cache,
        "artifacts": task.artifacts,
        "skills": task.skills.iter().map(of_skill).collect::<Vec<_>>(),
        "handoffs": task.handoffs.iter().map(of_handoff).collect::<Vec<_>>(),
        "part_of": task.part_of,
        "parts": task.parts,
        "tail": task.tail,
    });
    if let (Value::Object(all), Value::Object(state)) = (&mut all, of_stage(report, task)) {
        all.extend(state);
    }
    all
}

fn of_handoff(handoff: &HandoffReport) -> Value {
    let HandoffReport { why, by, to, source, attempt, session } = handoff;
    value!({ "why": why, "by": by, "to": to, "source": source, "attempt": attempt, "session": session })
}

fn of_gate(gate: &GateReport) -> Value {
    let answer = gate.answer.as_ref();
    value!({
        "question": gate.question,
        "time": gate.time,
        "answer": answer.map(|given| given.answer),
        "message": answer.map(|given| &given.message),
        "by": answer.map(|given| &given.by),
    })
}

fn of_skill(skill: &SkillReport) -> Value {
    let SkillReport { skill, role, kind, given, runs, reads } = skill;
    value!({ "skill": skill, "role": role, "kind": kind, "given": given, "runs": runs, "reads": reads })
}

fn of_check(check: &CheckLine) -> Value {
    value!({ "command": check.command, "verdict": check.verdict, "duration_ms": check.duration })
}

fn of_stage(report: &Report, task: &TaskReport) -> Value {
    if report.stopped(task) {
        return value!({ "state": "stopped" });
    }
    match &task.stage {
        Stage::Waiting => value!({ "state": "waiting" }),
        Stage::Ready => value!({ "state": "ready" }),
        Stage::Asking => value!({ "state": "asking" }),
        Stage::Preparing | Stage::Working | Stage::Between => value!({ "state": "running" }),
        Stage::Checking { .. } => value!({ "state": "checking" }),
        Stage::BackingOff { until } => value!({ "state": "backing-off", "until": rfc3339(*until) }),
        Stage::Limited { agent } => {
            let standing = report.agents.get(agent).map(|agent| agent.standing);
            let until = standing.and_then(AgentStanding::until);
            match until {
                Some(until) => value!({ "state": "limited", "agent": agent, "until": rfc3339(until) }),
                None => value!({ "state": "limited", "agent": agent }),
            }
        }
        Stage::Queued | Stage::Merging => value!({ "state": "merging" }),
        Stage::Ended(end) => match end {
            End::Succeeded { merged } => value!({ "state": "succeeded", "merged": merged }),
            End::Failed { failure } => value!({
                "state": "failed",
                "failure": { "class": class_word(failure.class), "message": failure.message, "tail": failure.tail },
            }),
            End::Skipped { because } => value!({ "state": "skipped", "because": because }),
            End::Blocked { by } => value!({ "state": "blocked", "by": by }),
            End::Cancelled { why, by: None } => value!({ "state": "cancelled", "why": why }),
            End::Cancelled { why, by: Some(by) } => value!({ "state": "cancelled", "why": why, "by": by }),
            End::Conflict { files, branch } => {
                value!({ "state": "conflict", "conflict": { "files": files, "branch": branch } })
            }
        },
    }
}
