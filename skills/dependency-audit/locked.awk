# Reads one lock file and tells how many packages it holds, which in several versions, and which not from a registry.

function add(name, version, from,    key) {
  if (name == "" || version == "") return
  key = name SUBSEP version
  if (key in have) return
  have[key] = 1
  total++
  list[total] = name " " version
  if (!(name in versions)) names++
  versions[name] = versions[name] (versions[name] == "" ? "" : ", ") version
  many[name]++
  if (from != "") odd(name " " version ": " from)
}

function odd(text) {
  if (text in told) return
  told[text] = 1
  odds++
  oddity[odds] = text
}

# What stands between the first two quotes after a key.
function quoted(text) {
  sub(/^[^"]*"/, "", text)
  sub(/".*$/, "", text)
  return text
}

# A place that is no registry: a repository, a file, an address.
function elsewhere(source) {
  if (source == "" || source ~ /^(registry|sparse)\+/) return ""
  if (source ~ /^https:\/\/(registry\.npmjs\.org|registry\.yarnpkg\.com|npm\.pkg\.github\.com)\//) return ""
  if (source ~ /^http:/) return "not encrypted, " source
  if (source ~ /^(git|github|ssh)/ || source ~ /\.git(#|$)/) return "from a repository, " source
  if (source ~ /^https:/) return "not from the public registry, " source
  if (source ~ /^(file|link|path|directory|portal|workspace)/) return ""
  return ""
}

{ sub(/\r$/, "") }

# Cargo, Poetry, uv, PDM
kind == "toml" && /^\[/ { flush_toml(); section = $0; next }
kind == "toml" && section == "[[package]]" && /^name *=/ { name = quoted($0); next }
kind == "toml" && section == "[[package]]" && /^version *=/ { version = quoted($0); next }
kind == "toml" && section == "[[package]]" && /^source *= *"/ { source = quoted($0); next }
kind == "toml" && section == "[[package]]" && /^source *= *\{/ {
  if ($0 ~ /(git|url) *=/) { source = $0; sub(/^.*(git|url) *= *"/, "", source); sub(/".*$/, "", source); if ($0 ~ /git *=/) source = "git+" source }
  else if ($0 ~ /(editable|virtual|directory|path) *=/) local_one = 1
  next
}
function flush_toml() {
  if (section == "[[package]]" && !local_one) {
    if (lock_name == "Cargo.lock" && source == "") locals++
    else add(name, version, elsewhere(source))
  } else if (local_one) locals++
  name = version = source = ""
  local_one = 0
}

# package-lock.json, versions 2 and 3: one entry for each place under node_modules
kind == "npm" && /^  "lockfileVersion": *1/ { old = 1 }
kind == "npm" && /^  "packages": *\{/ { packages = 1; next }
kind == "npm" && /^  [}"]/ { flush_npm(); packages = 0; next }
kind == "npm" && packages && /^    "/ {
  flush_npm()
  place = quoted($0)
  name = place
  if (name !~ /node_modules\//) { name = ""; if (place != "") locals++; next }
  sub(/^.*node_modules\//, "", name)
  next
}
kind == "npm" && packages && /^      "version":/ { version = value_of($0) }
kind == "npm" && packages && /^      "resolved":/ { source = value_of($0) }
kind == "npm" && packages && /^      "name":/ && name != "" { name = value_of($0) }
kind == "npm" && packages && /^      "link": *true/ { name = "" }
kind == "npm" && packages && /^      "hasInstallScript": *true/ { scripted = 1 }
function value_of(text) { sub(/^[^:]*:[ \t]*"/, "", text); sub(/".*$/, "", text); return text }
function flush_npm() {
  if (name != "" && version != "") {
    add(name, version, elsewhere(source))
    if (scripted) { scripts++; if (scripts <= 40) script = script (script == "" ? "" : ", ") name }
  }
  name = version = source = ""
  scripted = 0
}

# yarn.lock, both forms
kind == "yarn" && /^[^ #].*:$/ {
  name = $0
  gsub(/^"|"?:$/, "", name)
  sub(/,.*$/, "", name)
  from = name
  at = substr(name, 1, 1) == "@" ? index(substr(name, 2), "@") + 1 : index(name, "@")
  name = substr(name, 1, at - 1)
  from = substr(from, at + 1)
  next
}
kind == "yarn" && /^  version:? / && name != "" {
  version = $2
  gsub(/"/, "", version)
  if (from ~ /^workspace:|^link:|^portal:/ || name == "__metadata") locals++
  else if (from ~ /^patch:/) add(name, version, "patched")
  else add(name, version, elsewhere(from))
  name = ""
}

# pnpm-lock.yaml
kind == "pnpm" && /^[a-z]/ { packages = /^packages:/ }
kind == "pnpm" && packages && /^  [^ ].*:$/ {
  name = $0
  gsub(/^ +|:$/, "", name)
  gsub(/'/, "", name)
  sub(/^\//, "", name)
  sub(/\(.*$/, "", name)
  at = length(name)
  while (at > 1 && substr(name, at, 1) !~ /[@\/]/) at--
  if (name ~ /@(https?|git|file):?/) { at = match(name, /@(https?|git|file)/); add(substr(name, 1, at - 1), substr(name, at + 1), elsewhere(substr(name, at + 1))) }
  else add(substr(name, 1, at - 1), substr(name, at + 1), "")
}

# bun.lock
kind == "bun" && /^  "packages":/ { packages = 1; next }
kind == "bun" && packages && /^    "[^"]*": \["/ {
  name = $0
  sub(/^[^\[]*\["/, "", name)
  sub(/".*$/, "", name)
  at = length(name)
  while (at > 1 && substr(name, at, 1) != "@") at--
  if (name ~ /@workspace:/) locals++
  else add(substr(name, 1, at - 1), substr(name, at + 1), "")
}

# go.mod: what the module needs; go.sum holds more than is used
kind == "go" && /^(require|replace|exclude|tool|retract) *\(/ { block = $1; next }
kind == "go" && /^\)/ { block = ""; next }
kind == "go" {
  verb = block
  line = $0
  if (match(line, /^(require|replace|exclude|tool) +[^(]/)) { verb = $1; sub(/^[a-z]+ +/, "", line) }
  sub(/^[ \t]+/, "", line)
  split(line, part, /[ \t]+/)
  if (verb == "require" && part[2] ~ /^v/) {
    add(part[1], part[2], "")
    if (line ~ /\/\/ indirect/) indirect++
    if (part[2] ~ /[0-9]-0\.[0-9]+-|-[0-9][0-9][0-9][0-9][0-9][0-9]+-[0-9a-f]+$/) odd(part[1] " " part[2] ": a commit, not a release")
  }
  if (verb == "replace" && line ~ /=>/) odd("replaced: " line)
}

kind == "gradle" && /^[^#=]+:[^:=]+:[^:=]+=/ {
  line = $0
  sub(/=.*$/, "", line)
  split(line, part, ":")
  add(part[1] ":" part[2], part[3], "")
}

# A pom fixes only what it names itself.
kind == "maven" && /<dependency>/ { inside = 1; group = artifact = version = "" }
kind == "maven" && inside && /<groupId>/ { group = tag($0) }
kind == "maven" && inside && /<artifactId>/ { artifact = artifact == "" ? tag($0) : artifact }
kind == "maven" && inside && /<version>/ { version = tag($0) }
kind == "maven" && /<\/dependency>/ {
  inside = 0
  if (version == "") { unnamed++; version = "(elsewhere)" }
  add(group ":" artifact, version, version ~ /SNAPSHOT|LATEST|RELEASE|^[\[(]/ ? "not one fixed version" : "")
}
function tag(text) { sub(/^[^>]*>/, "", text); sub(/<.*$/, "", text); return text }

kind == "ruby" && /^(GIT|PATH|GEM)/ { block = $1 }
kind == "ruby" && /^    [^ ]+ \([^)]*\)$/ { version = $2; gsub(/[()]/, "", version); add($1, version, block == "GIT" ? "from a repository" : "") }

kind == "composer" && /^            "name":/ { name = value_of($0) }
kind == "composer" && /^            "version":/ && name != "" { version = value_of($0); add(name, version, version ~ /^dev-/ ? "a branch, not a release" : ""); name = "" }

kind == "pip" {
  line = $0
  sub(/[ \t]*(#.*)?$/, "", line)
  sub(/^[ \t]+/, "", line)
  if (line == "" || line ~ /^--hash/ || line ~ /^-[rcie] |^--(requirement|constraint|index-url|extra-index-url)/) { if (line ~ /extra-index-url/) odd("a second index: a name can come from either"); next }
  if (line ~ /--hash/) hashed++
  sub(/[ \t]*\\$/, "", line)
  sub(/[ \t]*;.*$/, "", line)
  if (line ~ /==/) { at = index(line, "=="); name = substr(line, 1, at - 1); sub(/\[.*$/, "", name); version = substr(line, at + 2); sub(/[ \t,].*$/, "", version); add(tolower(name), version, "") }
  else if (line ~ /@|:\/\//) odd(line ": from an address")
  else if (line ~ /^[A-Za-z0-9]/) odd(line ": no fixed version")
}

BEGIN {
  lock_name = ENVIRON["NAME"]
  sub(/^.*\//, "", lock_name)
}

END {
  if (kind == "toml") flush_toml()
  if (kind == "npm") flush_npm()
  shown = ENVIRON["NAME"]
  sub(/^\.\//, "", shown)
  gsub(/\n/, "\\n", shown)
  printf "%s: %d packages by %d names", shown, total, names
  if (locals) printf ", %d of the project itself", locals
  if (indirect) printf ", %d of them indirect", indirect
  if (unnamed) printf ", %d with a version that is set elsewhere", unnamed
  print ""
  if (old) print "  lockfileVersion 1 is not read: npm 7 and later write 3 (npm install --package-lock-only)"
  if (kind == "maven") print "  a pom is no lock file: mvn -q dependency:list tells all that is used"
  if (scripts) printf "  run a script when they are installed: %s%s\n", script, (scripts > 40 ? ", ..." : "")
  for (i = 1; i <= odds && i <= most; i++) print "  " oddity[i]
  if (odds > most) printf "  and %d more like these\n", odds - most
  for (i = 1; i <= total; i++) {
    name = list[i]
    sub(/ [^ ]*$/, "", name)
    if (many[name] < 2 || (name in said)) continue
    said[name] = 1
    twice++
    if (twice <= most) printf "  %d versions of %s: %s\n", many[name], name, versions[name]
  }
  if (twice > most) printf "  and %d more in several versions\n", twice - most
  if (show == "all") {
    for (i = 1; i <= total && i <= 2000; i++) print "    " list[i]
    if (total > 2000) printf "    and %d more\n", total - 2000
  }
}
