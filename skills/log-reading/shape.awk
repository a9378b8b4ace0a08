# Groups lines that differ only by times, numbers, addresses, names in quotes and paths of requests.

function shape(text) {
  gsub(/[0-9a-fA-F]+-[0-9a-fA-F]+-[0-9a-fA-F]+-[0-9a-fA-F]+-[0-9a-fA-F]+/, "<id>", text)
  gsub(/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-9:.,]+(Z|[+-][0-9][0-9]:?[0-9][0-9])?/, "<time>", text)
  gsub(/[0-9][0-9][0-9][0-9][-\/][0-9][0-9][-\/][0-9][0-9]/, "<date>", text)
  gsub(/[0-9][0-9]:[0-9][0-9]:[0-9][0-9]([.,][0-9]+)?/, "<time>", text)
  gsub(/[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+(:[0-9]+)?/, "<address>", text)
  gsub(/0x[0-9a-fA-F]+/, "<hex>", text)
  gsub(/"[^"]*"/, "\"...\"", text)
  text = hexes(text)
  gsub(/[0-9]+(\.[0-9]+)?/, "<n>", text)
  gsub(/[ \t]+/, " ", text)
  return text
}

# Runs of at least eight hexadecimal digits with a number among them.
function hexes(text,    out, run) {
  out = ""
  while (match(text, /[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]+/)) {
    run = substr(text, RSTART, RLENGTH)
    out = out substr(text, 1, RSTART - 1) (run ~ /[0-9]/ ? "<hex>" : run)
    text = substr(text, RSTART + RLENGTH)
  }
  return out text
}

# In JSON logs the message is in quotes: keep what tells lines apart.
function unquoted(text,    out, at, key, value) {
  if (text !~ /^[ \t]*\{.*\}[ \t]*$/) return text
  out = ""
  if (match(text, /"(level|severity|lvl)"[ \t]*:[ \t]*("[^"]*"|[0-9]+)/)) out = "level " value_of(substr(text, RSTART, RLENGTH))
  if (match(text, /"(msg|message|event)"[ \t]*:[ \t]*"([^"\\]|\\.)*"/)) out = out " " value_of(substr(text, RSTART, RLENGTH))
  if (match(text, /"(err|error|exception)"[ \t]*:[ \t]*"([^"\\]|\\.)*"/)) out = out " error " value_of(substr(text, RSTART, RLENGTH))
  return out == "" ? text : out
}

function value_of(pair) {
  sub(/^"[^"]*"[ \t]*:[ \t]*/, "", pair)
  gsub(/^"|"$/, "", pair)
  return pair
}

function is_problem(text,    low) {
  low = tolower(text)
  gsub(/(^|[^0-9])0 (errors?|failures?|failed|warnings?)/, " ", low)
  gsub(/(err|errors?|exception|failures?|failed|warnings?)["']?[ \t]*[:=][ \t]*(0|null|none|false|\[\]|"")([^0-9a-z.]|$)/, " ", low)
  gsub(/(no|without) (errors?|failures?|warnings?)/, " ", low)
  if (low ~ /(^|[^a-z])(errors?|err|fatal|panic(ked)?|critical|crit|alert|emerg|severe|exception|traceback|fail(ed|ure|s|ing)?|denied|refused|killed|oom|out of memory|segfault|segmentation fault|timed? ?out|timeout|unreachable|deadlock|abort(ed)?|warn(ing)?s?)([^a-z]|$)/) return 1
  if (text ~ /[A-Za-z](Error|Exception)([^a-z]|$)/) return 1
  return low ~ /" 5[0-9][0-9] |"level"[ \t]*:[ \t]*[56]0|status["']?[ \t]*[:=][ \t]*5[0-9][0-9]/
}

{
  gsub(/\033\[[0-9;]*[A-Za-z]/, "")
  sub(/\r$/, "")
  if (length($0) > 4000) $0 = substr($0, 1, 4000)
  # What happened shortly before the first problem is mostly its cause.
  if (!first_problem) { before[NR % 5] = $0 }
  problem = is_problem($0)
  if (problem) {
    problems++
    if (!first_problem) first_problem = NR
  }
  if (level == "problems" && !problem) next
  if (ENVIRON["WITH"] != "" && !index($0, ENVIRON["WITH"])) next
  taken++
  key = shape(unquoted($0))
  if (!(key in count)) {
    if (kinds >= 20000) { dropped++; next }
    kinds++
    first[key] = NR
    example[key] = substr($0, 1, 240)
  }
  count[key]++
  last[key] = NR
}

END {
  printf "%d lines, %d of them speak of a problem; %d taken, of %d shapes\n", NR, problems, taken, kinds
  if (dropped) printf "%d lines of further shapes were not counted\n", dropped
  if (first_problem && ENVIRON["WITH"] == "") {
    printf "\nthe first problem is line %d, after:\n", first_problem
    from = first_problem > 4 ? first_problem - 4 : 1
    for (i = from; i < first_problem; i++) print "  | " substr(before[i % 5], 1, 240)
    print "  > " substr(before[first_problem % 5], 1, 240)
  }
  if (!kinds) exit 0
  printf "\n%7s %9s %9s  example (the first)\n", "times", "first", "last"
  for (shown = 0; shown < most && shown < kinds; shown++) {
    best = ""
    for (key in count)
      if (best == "" || count[key] > count[best] || (count[key] == count[best] && first[key] < first[best])) best = key
    printf "%7d %9d %9d  %s\n", count[best], first[best], last[best], example[best]
    rare_at = count[best]
    delete count[best]
  }
  if (kinds > shown) printf "and %d more shapes, each at most %d times\n", kinds - shown, rare_at
}
