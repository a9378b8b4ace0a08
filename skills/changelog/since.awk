# Groups commits by what they mean to users. Records end with 036, fields with 037.

BEGIN {
  RS = "\036"
  FS = "\037"
  split("Breaking|Security|Added|Changed|Deprecated|Removed|Fixed|Unsorted", order, "|")
}

function says(text, words) { return tolower(text) ~ ("(^|[^a-z])(" words ")([^a-z]|$)") }

# Conventional Commits where they are kept, the first word where not.
function group(subject, body,    type, rest, scope) {
  breaking = body ~ /(^|\n)BREAKING[ -]CHANGE:/
  type = ""
  if (match(subject, /^[A-Za-z]+(\([^)]*\))?!?:/)) {
    type = substr(subject, 1, RLENGTH)
    rest = substr(subject, RLENGTH + 1)
    if (type ~ /!:$/) breaking = 1
    scope = ""
    if (match(type, /\([^)]*\)/)) scope = substr(type, RSTART + 1, RLENGTH - 2)
    sub(/[(!:].*$/, "", type)
    type = tolower(type)
    sub(/^ +/, "", rest)
    text = (scope == "" ? "" : scope ": ") rest
  } else {
    text = subject
  }
  if (breaking) return "Breaking"
  if (says(subject " " body, "cve-[0-9]+-[0-9]+|vulnerability|security")) return "Security"
  if (type ~ /^(chore|ci|test|tests|build|style|docs|doc|refactor)$/) return ""
  if (type == "feat" || type == "feature") return "Added"
  if (type == "fix" || type == "bugfix" || type == "hotfix") return "Fixed"
  if (type == "perf") return "Changed"
  if (type == "revert") return "Removed"
  if (type != "") return "Unsorted"
  if (says(text, "deprecated?|deprecates")) return "Deprecated"
  if (text ~ /^(Add|Adds|Added|Allow|Introduce|Support|Implement|New) /) return "Added"
  if (text ~ /^(Fix|Fixes|Fixed|Correct|Prevent|Avoid|Repair) /) return "Fixed"
  if (text ~ /^(Remove|Removes|Removed|Drop|Delete) /) return "Removed"
  if (text ~ /^(Change|Changes|Changed|Rename|Make|Use|Improve|Speed|Update|Replace) /) return "Changed"
  return "Unsorted"
}

NR > 1 {
  total++
  subject = $2
  gsub(/[\t\r\n]/, " ", subject)
  # One that takes back another of the same release: neither is news.
  if (match($3, /This reverts commit [0-9a-f]+/)) {
    id = substr($3, RSTART + 20, RLENGTH - 20)
    taken_back[total] = id
  }
  ids[total] = $1
  groups[total] = group(subject, $3)
  texts[total] = text
  notes[total] = ""
  if (breaking && match($3, /BREAKING[ -]CHANGE:[ \t]*[^\n]*/)) {
    notes[total] = substr($3, RSTART, RLENGTH)
    sub(/^[^:]*:[ \t]*/, "", notes[total])
  }
}

END {
  for (i = 1; i <= total; i++)
    if (i in taken_back)
      for (j = i + 1; j <= total; j++)
        if (index(taken_back[i], ids[j]) == 1) { gone[i] = gone[j] = 1; pairs++ }
  for (g = 1; g <= 8; g++) {
    headed = 0
    for (i = 1; i <= total; i++) {
      if ((i in gone) || groups[i] != order[g]) continue
      if (++listed > most) continue
      if (!headed++) printf "\n%s\n", order[g]
      printf "  %s  %s\n", ids[i], texts[i]
      if (notes[i] != "") printf "           %s\n", notes[i]
    }
  }
  for (i = 1; i <= total; i++) if (!(i in gone) && groups[i] == "") inner++
  if (listed > most) printf "\nand %d more\n", listed - most
  printf "\n%d commits without merges", total
  if (inner) printf ", %d of them only of the inside (chore, ci, test, build, style, docs, refactor)", inner
  if (pairs) printf ", %d taken back again within", pairs
  print ""
}
