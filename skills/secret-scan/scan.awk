# Reads a diff without context and tells of each added line that looks like a credential, never its value.

function start_of_run(text, at, charset,    rest) {
  rest = substr(text, at)
  return match(rest, "^[" charset "]+") ? RLENGTH : 0
}

# A prefix that only this kind has, then at least so many of these characters.
function has(prefix, least, charset, kind,    at, from, size, rest, before) {
  rest = line
  from = 1
  while ((at = index(rest, prefix)) > 0) {
    before = from + at - 2
    size = start_of_run(line, from + at - 1 + length(prefix), charset)
    if (size >= least && (before < 1 || substr(line, before, 1) !~ /[A-Za-z0-9_]/)) {
      if (!placeholder(substr(line, from + at - 1 + length(prefix), size)))
        report("sure", kind ", " prefix "... (" length(prefix) + size " characters)")
      return 1
    }
    from += at
    rest = substr(line, from)
  }
  return 0
}

function placeholder(value,    low) {
  low = tolower(value)
  if (low ~ /example|changeme|change-me|change_me|placeholder|dummy|redacted|your[-_]|^your|secret_here|todo|xxxx|\*\*\*|\.\.\.|0000000|1234567890|abcdefgh/) return 1
  if (low ~ /^(test|tests|testing|none|null|true|false|undefined|password|passwd|secret|token|string|hunter2|foobar)[0-9]*$/) return 1
  if (value ~ /[$<>{}%()]|^process\.|^os\.|^env\./) return 1
  return distinct(value) < 5
}

function distinct(value,    i, c, count, seen) {
  for (i = 1; i <= length(value); i++) {
    c = substr(value, i, 1)
    if (!(c in seen)) { seen[c] = 1; count++ }
  }
  return count + 0
}

# name = "value", name: 'value', and NAME=value in a file of settings.
function assigned(    low, at, name, rest, quote, value, end) {
  low = tolower(line)
  if (!match(low, /(password|passwd|passphrase|secret|api[_-]?key|apikey|access[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|private[_-]?key|client[_-]?secret|credentials?|connection[_-]?string)[a-z0-9_]*["']?[ \t]*(:|=|:=|=>)[ \t]*/)) return
  at = RSTART + RLENGTH
  name = substr(line, RSTART, RLENGTH)
  sub(/["']?[ \t]*(:|=|:=|=>)[ \t]*$/, "", name)
  rest = substr(line, at)
  quote = substr(rest, 1, 1)
  if (quote == "\"" || quote == "'") {
    rest = substr(rest, 2)
    end = index(rest, quote)
    value = end ? substr(rest, 1, end - 1) : ""
  } else if (settings) {
    value = rest
    sub(/[ \t\r]*(#.*)?$/, "", value)
  }
  if (name ~ /(source|name|id|file|path|type|url|uri|env|field|header|policy|length|label|prompt|var|class)$/) return
  if (length(value) < 8 || value ~ /^[A-Z_]+$/ || value ~ /[ \t]/ || placeholder(value)) return
  # A word in small letters is a name, not a secret.
  if (value ~ /^[a-z_.\/-]+$/ && length(value) < 20) return
  report("possible", name " is given a value (" length(value) " characters)")
}

function report(how, what,    where) {
  found++
  told = 1
  if (found > most) return
  where = file ":" number
  if (commit != "") where = commit " " where
  if (tolower(file) ~ /(^|[\/_.-])(tests?|spec|fixtures?|examples?|samples?|mocks?|testdata|docs?)([\/_.-]|$)/) what = what "; in a test, an example or documentation"
  printf "%-8s %s: %s\n", how, where, what
}

function look() {
  if (length(line) > 20000) line = substr(line, 1, 20000)
  told = 0
  if (line ~ /-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY/) report("sure", "a private key")
  if (line ~ /(AKIA|ASIA)[0-9A-Z]/) { if (!has("AKIA", 16, "0-9A-Z", "AWS access key")) has("ASIA", 16, "0-9A-Z", "AWS access key") }
  if (line ~ /gh[pousr]_/) {
    has("ghp_", 36, "A-Za-z0-9", "GitHub token"); has("gho_", 36, "A-Za-z0-9", "GitHub token")
    has("ghu_", 36, "A-Za-z0-9", "GitHub token"); has("ghs_", 36, "A-Za-z0-9", "GitHub token")
    has("ghr_", 36, "A-Za-z0-9", "GitHub token")
  }
  if (index(line, "github_pat_")) has("github_pat_", 50, "A-Za-z0-9_", "GitHub token")
  if (index(line, "glpat-")) has("glpat-", 20, "A-Za-z0-9_.-", "GitLab token")
  if (line ~ /xox[abeprs]-/) {
    has("xoxb-", 20, "A-Za-z0-9-", "Slack token"); has("xoxp-", 20, "A-Za-z0-9-", "Slack token")
    has("xoxa-", 20, "A-Za-z0-9-", "Slack token"); has("xoxs-", 20, "A-Za-z0-9-", "Slack token")
    has("xoxr-", 20, "A-Za-z0-9-", "Slack token")
  }
  if (index(line, "hooks.slack.com/services/")) has("hooks.slack.com/services/", 30, "A-Za-z0-9/", "Slack webhook")
  if (index(line, "_live_")) { has("sk_live_", 20, "A-Za-z0-9", "Stripe key"); has("rk_live_", 20, "A-Za-z0-9", "Stripe key") }
  if (index(line, "sk-")) {
    if (!has("sk-ant-", 40, "A-Za-z0-9_-", "Anthropic key") && !has("sk-proj-", 40, "A-Za-z0-9_-", "OpenAI key"))
      has("sk-", 40, "A-Za-z0-9", "key of a model service")
  }
  if (index(line, "AIza")) has("AIza", 35, "A-Za-z0-9_-", "Google key")
  if (index(line, "npm_")) has("npm_", 36, "A-Za-z0-9", "npm token")
  if (index(line, "pypi-AgE")) has("pypi-AgE", 50, "A-Za-z0-9_-", "PyPI token")
  if (index(line, "SG.")) has("SG.", 60, "A-Za-z0-9_.-", "SendGrid key")
  if (index(line, "hf_")) has("hf_", 34, "A-Za-z0-9", "Hugging Face token")
  if (index(line, "dop_v1_")) has("dop_v1_", 60, "a-f0-9", "DigitalOcean token")
  if (line ~ /eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/) report("possible", "a signed token (JWT)")
  if (!told && match(line, /[a-z][a-z0-9+.-]*:\/\/[^\/ :@"'<>]+:[^\/ @"'<>]+@[A-Za-z0-9]/)) {
    value = substr(line, RSTART, RLENGTH - 2)
    sub(/^[^:]*:\/\/[^:]*:/, "", value)
    if (!placeholder(value) && length(value) > 3) report("possible", "an address with a password in it")
  }
  if (!told && !locked) assigned()
}

# What is in a file begins with a sign, so that none of it is taken for a heading; `+++` is one only before the first `@@`.
/^commit [0-9a-f]+$/ { commit = $2; inside = 0; next }
/^diff --git / { inside = 0; next }
/^\+\+\+ / && !inside {
  file = substr($0, 5)
  sub(/\t$/, "", file)
  sub(/^b\//, "", file)
  sub(/^"b\//, "\"", file)
  low = tolower(file)
  settings = low ~ /(^|\/)"?\.env|\.(env|properties|ini|cfg|conf|tfvars|netrc|npmrc|pypirc)"?$/
  locked = low ~ /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|cargo\.lock|poetry\.lock|uv\.lock|go\.sum|composer\.lock|gemfile\.lock)$|\.min\.(js|css)$|\.map$/
  next
}
/^@@ / {
  inside = 1
  number = $3
  sub(/^\+/, "", number)
  sub(/,.*$/, "", number)
  number--
  next
}
inside && /^\+/ { number++; line = substr($0, 2); look() }

END {
  if (found > most) printf "and %d more\n", found - most
  if (found) printf "%d found. Values are not shown: look at the place, and have each that is real replaced.\n", found
  else print "nothing found"
  exit found > 0
}
