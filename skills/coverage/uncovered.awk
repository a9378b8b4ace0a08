# First file: lines with hits. Second: a diff without context. Tells which added lines were run by nothing.

FNR == 1 { which++ }

which == 1 {
  at = index($0, "\t")
  line = substr($0, 1, at - 1)
  rest = substr($0, at + 1)
  at = index(rest, "\t")
  hits = substr(rest, 1, at - 1)
  path = substr(rest, at + 1)
  gsub(/\\/, "/", path)
  if (ENVIRON["MODULE"] != "" && index(path, ENVIRON["MODULE"] "/") == 1) path = substr(path, length(ENVIRON["MODULE"]) + 2)
  if (index(path, ENVIRON["TOP"] "/") == 1) path = substr(path, length(ENVIRON["TOP"]) + 2)
  sub(/^\.\//, "", path)
  # What several runs or instances of a template tell of one line is added up.
  if (!((path, line) in ran)) { ran[path, line] = 0; paths[path] = 1 }
  ran[path, line] += hits
  next
}

function ends_with(long, short) {
  return long == short || (length(long) > length(short) && substr(long, length(long) - length(short)) == "/" short)
}

# The report's name of a file: tools begin paths at the package, the source folder or the disk of another machine.
function named(file,    path, best, far) {
  if (file in paths) return file
  best = far = ""
  for (path in paths) {
    if (ends_with(file, path)) { if (length(path) > length(best)) best = path }
    else if (path ~ /^(\/|[A-Za-z]:)/ && ends_with(path, file)) { if (far == "" || length(path) < length(far)) far = path }
  }
  return best == "" ? far : best
}

function unquoted(name) {
  if (name !~ /^"/) return name
  name = substr(name, 2, length(name) - 2)
  gsub(/\\"/, "\"", name)
  gsub(/\\t/, "\t", name)
  gsub(/\\\\/, "\\", name)
  return name
}

/^diff --git / { left = gone = 0; next }
!left && !gone && /^\+\+\+ / {
  file = substr($0, 5)
  sub(/\t$/, "", file)
  file = unquoted(file)
  sub(/^b\//, "", file)
  path = named(file)
  next
}
!left && !gone && /^@@ / {
  number = left = $3
  sub(/^\+/, "", number)
  sub(/,.*$/, "", number)
  if (left ~ /,/) sub(/^.*,/, "", left); else left = 1
  gone = $2
  if (gone ~ /,/) sub(/^.*,/, "", gone); else gone = 1
  number += 0
  left += 0
  gone += 0
  if (left && path == "" && !(file in missing)) { missing[file] = 1; missed[++misses] = file }
  next
}
gone > 0 && /^-/ { gone--; next }
left > 0 && /^\+/ {
  left--
  if (path != "" && ((path, number) in ran)) {
    lines++
    if (ran[path, number] > 0) reached++
    else if (file == last_file && number == last_line + 1) last_line = number
    else {
      flush()
      last_file = file
      first_line = last_line = number
    }
  }
  number++
}

function flush() {
  if (last_file == "") return
  spans++
  if (spans <= most) print last_file ":" first_line (last_line > first_line ? "-" last_line : "")
  last_file = ""
}

# A language that the report could have told of: another file with this ending is in it.
function ending(name) { return match(name, /\.[^.\/]+$/) ? substr(name, RSTART) : "" }

END {
  flush()
  if (spans > most) printf "and %d more\n", spans - most
  for (path in paths) known[ending(path)] = 1
  for (i = 1; i <= misses; i++)
    if ((ending(missed[i]) in known) && ending(missed[i]) != "") {
      untold++
      if (untold <= most) print missed[i] ": changed, and not in the report"
    }
  if (!lines) print "no changed line is one that the report counts"
  else printf "%d of %d changed lines that can be run are reached (%d %%)\n", reached, lines, int(100 * reached / lines)
  exit (spans + untold) > 0
}
