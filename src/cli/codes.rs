//! The codes of failures of commands, with what they mean and what to do: a part of the error index.

/// The table: code, what it means, what to do.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        "agent::missing-program",
        "The program of an agent is not installed.",
        "Install it, or correct `command` of the agent.",
    ),
    ("cli::bad-config", "A configuration file has errors.", "Mend what is told above it."),
    (
        "cli::bad-name",
        "A name given on the command line is no valid name.",
        "`ai-sdlc doctor` shows the agents there are.",
    ),
    ("cli::bad-scenario", "A scenario cannot be read.", "Compare it with `ai-sdlc schema scenario`."),
    (
        "cli::cannot-ask",
        "A run cannot be asked to stop.",
        "See the cause that is told; a run that is not live needs no stop.",
    ),
    (
        "cli::cannot-print",
        "The result could not be printed.",
        "See to it that standard output can be written: a full disk, a closed file.",
    ),
    ("cli::cannot-write", "A file cannot be written.", "Let your account write in that folder."),
    (
        "cli::disk-full",
        "There is too little space for a run.",
        "Free some space, or set `[workspace] root` to another disk.",
    ),
    ("cli::git-failed", "Git could not do what was asked.", "See the cause that is told."),
    (
        "cli::invalid-mission",
        "The mission has errors.",
        "Mend the findings that are shown; `ai-sdlc mission validate` shows them again.",
    ),
    ("cli::needs-terminal", "A question cannot be asked without a terminal.", "Give `--yes`."),
    ("cli::nested", "A run was begun from within a run.", "Give `--nested` if that is really meant."),
    (
        "cli::no-agent",
        "No agent program is installed, and this is CI.",
        "Install one and configure it, or run `ai-sdlc mission rehearse`.",
    ),
    ("cli::no-directory", "A directory cannot be entered or read.", "Give one that is there."),
    ("cli::no-folder", "A folder cannot be made.", "Let your account write there."),
    ("cli::no-git", "There is no `git` on the PATH.", "Install git."),
    ("cli::no-manual", "The manual page could not be made.", "This is a fault of the program; `--help` says the same."),
    (
        "cli::no-place",
        "A file that is to be written at the end has no folder to lie in.",
        "Name a folder that is there.",
    ),
    (
        "cli::no-plan",
        "No plan can be made of the mission.",
        "Mend what is told: mostly an input that is missing or does not fit.",
    ),
    ("cli::no-repository", "There is no git repository here.", "Change into one, or name it with `-C`."),
    (
        "cli::stale-schema",
        "Published schemas differ from what this program makes.",
        "`ai-sdlc schema --out schema` writes them anew.",
    ),
    (
        "cli::unknown-agent",
        "There is no such agent.",
        "Take the name that is suggested, or configure it under `[agents.<name>]`.",
    ),
    ("cli::unknown-mission", "There is no such mission.", "`ai-sdlc mission list` shows those there are."),
    (
        "cli::unknown-name",
        "There is no such role or skill.",
        "Take the name that is suggested; `role list` and `skill list` show all.",
    ),
    (
        "cli::unknown-run",
        "There is no such run, or more than one begins like this.",
        "`ai-sdlc run list` shows those there are.",
    ),
    ("cli::unknown-task", "The run has no such task.", "`ai-sdlc run show` lists its tasks."),
    ("cli::unreadable-file", "A file cannot be read.", "Name a text file that your account may read."),
    (
        "cli::unwritable-file",
        "The JUnit report cannot be written.",
        "Name a file in a folder where your account may write.",
    ),
    (
        "driver::fault",
        "The engine could not go on.",
        "Look at the cause that is told; `ai-sdlc run resume` goes on afterwards.",
    ),
    (
        "driver::guard-died",
        "The guard of a run died, and everything below it was ended.",
        "`ai-sdlc run resume`; the log that is named says more.",
    ),
    ("driver::not-begun", "A run could not be begun.", "See the cause that is told."),
    ("git::missing", "There is no git on the PATH.", "Install git 2.34 or newer."),
    (
        "git::no-base",
        "The commit that the run should begin from is not there.",
        "Correct `[workspace] base` or `[merge] into`.",
    ),
    (
        "git::no-repository",
        "There is no repository that a run can work in.",
        "Run it in a git repository, or in directory mode; see the cause.",
    ),
    (
        "git::no-scratch",
        "The clone for a rehearsal cannot be made.",
        "See the cause that is told; mostly space or rights.",
    ),
    (
        "git::preflight",
        "The repository is not in a state in which a run can begin.",
        "Do what is told; every refusal names its remedy.",
    ),
    ("git::refused", "Git did not do what the run needs.", "See the cause that is told, then `ai-sdlc run resume`."),
    ("git::unusable", "The git that was found cannot be used.", "Install git 2.34 or newer."),
    (
        "journal::locked",
        "Another process works on this run, or delivers to the same branch.",
        "Wait for it, or stop it: its process is named.",
    ),
    (
        "journal::unreadable",
        "The journal of a run cannot be read, or does not fit together.",
        "It is never mended silently: keep the folder, and begin a new run.",
    ),
    (
        "journal::unwritable",
        "What happened could not be recorded, so the run stopped.",
        "Free space or mend the disk, then `ai-sdlc run resume`.",
    ),
];
