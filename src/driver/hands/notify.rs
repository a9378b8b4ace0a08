//! Tells others what happened: by a program, or by a request that `curl` makes. Nothing of it harms the run.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::json;
use tokio::sync::Notify as Bell;

use crate::amount::Millis;
use crate::driver::children::ChildEnd;
use crate::driver::clock::wall_now;
use crate::driver::guard::{ProcessEnd, Spawn};
use crate::driver::hands::{Errand, Hands};
use crate::driver::notice::Notice;
use crate::kernel::event::{Event, PlaceKind};
use crate::kernel::fact::Fact;
use crate::mission::model::NotifyBy;
use crate::plan::argv::Argv;

/// How long a program may take.
const COMMAND_TAKES: Millis = Millis(30_000);
/// How long a request may take, with its two repetitions.
const REQUEST_TAKES: Millis = Millis(36_000);

/// What goes on beside the run, and is waited for at its end.
#[derive(Debug, Default)]
pub(super) struct Beside {
    going: Cell<u32>,
    bell: Bell,
}

/// One of these things; it is over when this is dropped.
pub(super) struct Going(Rc<Hands>);

impl Going {
    pub(super) fn begin(hands: &Rc<Hands>) -> Self {
        hands.beside.going.set(hands.beside.going.get().saturating_add(1));
        Self(Rc::clone(hands))
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        self.0.beside.going.set(self.0.beside.going.get().saturating_sub(1));
        self.0.beside.bell.notify_one();
    }
}

impl Hands {
    /// Whether something goes on beside the run.
    pub fn is_busy(&self) -> bool {
        self.beside.going.get() > 0
    }

    /// Waits until something that went on beside the run is over.
    pub async fn something_is_over(&self) {
        self.beside.bell.notified().await;
    }

    /// Tells whoever wants to know of an event that is durable. A rehearsal tells nobody.
    pub fn notify(self: &Rc<Self>, event: &Event) {
        match self.setting.place.kind {
            PlaceKind::Repository => {}
            PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks => return,
        }
        let plan = self.setting.plan();
        if plan.notify.is_empty() {
            return;
        }
        let Some(notice) = Notice::of(event) else { return };
        for wish in plan.notify.iter().filter(|wish| wish.on.contains(&notice.occasion)) {
            let (hands, notice, by) = (Rc::clone(self), notice.clone(), wish.by.clone());
            let going = Going::begin(self);
            tokio::task::spawn_local(async move {
                if let Err(why) = hands.tell_others(&notice, &by).await {
                    let text = format!("the notification of `{}` failed: {why}", notice.name());
                    tracing::warn!("{text}");
                    hands.tell(Fact::Noted { text });
                }
                drop(going);
            });
        }
    }

    async fn tell_others(&self, notice: &Notice, by: &NotifyBy) -> Result<(), String> {
        let order = match by {
            NotifyBy::Command(argv) => self.notifying_command(notice, argv)?,
            NotifyBy::Webhook(address) => self.request(notice, address)?,
        };
        let order = Spawn { writable: self.setting.confines.of_notice(), ..order };
        let id = order.child;
        let ended = self.children().spawn(order, None).ended().await;
        self.children().recorded(id);
        let ChildEnd { end, tail, .. } = ended?;
        let last = tail.lines().last().unwrap_or_default().to_owned();
        match end {
            ProcessEnd::Exited(0) => Ok(()),
            ProcessEnd::Exited(code) => Err(format!("it exited {code} {last}").trim_end().to_owned()),
            ProcessEnd::TimedOut => Err("it took too long".to_owned()),
            ProcessEnd::Signalled(_) | ProcessEnd::Stopped => Err("it was ended".to_owned()),
        }
    }

    fn notifying_command(&self, notice: &Notice, argv: &[String]) -> Result<Spawn, String> {
        let plan = self.setting.plan();
        let facts = [
            ("AI_SDLC_EVENT", notice.name().to_owned()),
            ("AI_SDLC_RUN", self.setting.run.to_string()),
            ("AI_SDLC_MISSION", plan.mission.to_string()),
            ("AI_SDLC_TASK", notice.task.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("AI_SDLC_OUTCOME", notice.outcome.to_owned()),
            ("AI_SDLC_MESSAGE", notice.message.clone()),
            ("AI_SDLC_INTO", notice.delivered.as_ref().map(|(into, _)| into.clone()).unwrap_or_default()),
            ("AI_SDLC_COMMIT", notice.delivered.as_ref().map(|(_, commit)| commit.to_string()).unwrap_or_default()),
        ];
        self.spawn_order(Errand {
            task: None,
            command: &Argv::Exec(argv.to_vec()),
            cwd: self.setting.directory(),
            env: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            output_dir: self.notice_folder(),
            timeout: Some(COMMAND_TAKES),
        })
    }

    /// A request by `curl`, told on its standard input: an address is often a secret, and arguments are seen by all.
    fn request(&self, notice: &Notice, address: &str) -> Result<Spawn, String> {
        let plan = self.setting.plan();
        let body = json!({
            "schema": "ai-sdlc/notification/1",
            "event": notice.name(),
            "at": wall_now().to_string(),
            "run": self.setting.run,
            "mission": plan.mission,
            "task": notice.task,
            "outcome": notice.outcome,
            "message": notice.message,
            "delivered": notice.delivered.as_ref().map(|(into, commit)| json!({ "into": into, "commit": commit })),
        });
        let order = self.spawn_order(Errand {
            task: None,
            command: &Argv::Exec(["curl", "-q", "--config", "-"].map(str::to_owned).to_vec()),
            cwd: self.setting.directory(),
            env: std::collections::BTreeMap::from([("AI_SDLC_RUN".to_owned(), self.setting.run.to_string())]),
            output_dir: self.notice_folder(),
            timeout: Some(REQUEST_TAKES),
        });
        let order = order.map_err(|why| format!("{why}; a webhook needs `curl`"))?;
        Ok(Spawn { stdin: Some(curl_config(address, &body.to_string())), ..order })
    }

    fn notice_folder(&self) -> std::path::PathBuf {
        // No task's id has a dot.
        let n = self.notices.get().saturating_add(1);
        self.notices.set(n);
        self.setting.run_dir.join(format!("notify.{}-{n}", wall_now().0))
    }
}

fn curl_config(address: &str, body: &str) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let address = quoted(&address.replace(['\n', '\r'], ""));
    format!(
        "url = {address}\nheader = \"Content-Type: application/json\"\ndata-raw = {}\n\
         max-time = 10\nretry = 2\nretry-delay = 1\nretry-connrefused\nfail\nsilent\nshow-error\ngloboff\n\
         proto = \"=http,https\"\noutput = \"/dev/null\"\n",
        quoted(body)
    )
}

#[cfg(test)]
mod tests {
    use super::curl_config;

    #[test]
    fn nothing_leaves_its_quotes() {
        let config = curl_config("https://x/\"\nupload-file = \"/etc/passwd", "{\"message\":\"a \\\"b\\\" \\n\"}");
        let lines: Vec<&str> = config.lines().collect();
        assert_eq!(lines[0], "url = \"https://x/\\\"upload-file = \\\"/etc/passwd\"");
        assert_eq!(lines[2], r#"data-raw = "{\"message\":\"a \\\"b\\\" \\n\"}""#);
    }
}
