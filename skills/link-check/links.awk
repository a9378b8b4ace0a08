# Reads Markdown files and tells of each link into the project that leads nowhere.

BEGIN { for (i = 1; i < 256; i++) code[sprintf("%02x", i)] = sprintf("%c", i) }

function shown(text) {
  gsub(/\n/, "\\n", text)
  gsub(/\t/, "\\t", text)
  return text
}

function tell(number, what) {
  name = FILENAME
  sub(/^\.\//, "", name)
  printf "%s:%d: %s\n", shown(name), number, shown(what)
}

function decoded(text,    out, at, hex) {
  out = ""
  while ((at = index(text, "%")) > 0) {
    hex = tolower(substr(text, at + 1, 2))
    out = out substr(text, 1, at - 1)
    if (hex in code) { out = out code[hex]; text = substr(text, at + 3) }
    else { out = out "%"; text = substr(text, at + 1) }
  }
  return out text
}

function exists(path,    quoted) {
  if (!(path in known)) {
    quoted = path
    gsub(/'/, "'\\''", quoted)
    known[path] = system("test -e '" quoted "'") == 0
  }
  return known[path]
}

# As the usual hosts make it out of a heading. What is not ASCII is left out on both sides.
function slug(text,    at, inner) {
  while (match(text, /!?\[[^]]*\]\([^)]*\)/)) {
    inner = substr(text, RSTART, RLENGTH)
    sub(/^!?\[/, "", inner)
    sub(/\]\([^)]*\)$/, "", inner)
    text = substr(text, 1, RSTART - 1) inner substr(text, RSTART + RLENGTH)
  }
  gsub(/<[^>]*>/, "", text)
  text = tolower(text)
  gsub(/[^a-z0-9_ -]/, "", text)
  gsub(/ /, "-", text)
  return text
}

function plain(anchor) {
  anchor = tolower(anchor)
  gsub(/[^a-z0-9_.:-]/, "", anchor)
  return anchor
}

function heading(path, text,    made) {
  if (match(text, /\{#[^}]+\}[ \t]*$/)) {
    made = substr(text, RSTART + 2)
    sub(/\}.*$/, "", made)
    anchors[path, plain(made)] = 1
    text = substr(text, 1, RSTART - 1)
  }
  sub(/[ \t]+#+[ \t]*$/, "", text)
  gsub(/^[ \t]+|[ \t\r]+$/, "", text)
  made = slug(text)
  if ((path, made) in anchors) { repeated[path, made]++; made = made "-" repeated[path, made] }
  anchors[path, made] = 1
}

# The anchors of a file, once.
function learn(path,    text, before, fence, rest, id) {
  if (path in learnt) return
  learnt[path] = 1
  fence = ""
  before = ""
  while ((getline text < path) > 0) {
    if (match(text, /^ ? ? ?(```+|~~~+)/)) {
      id = substr(text, RSTART, RLENGTH)
      gsub(/ /, "", id)
      if (fence == "") fence = id
      else if (substr(id, 1, 1) == substr(fence, 1, 1) && length(id) >= length(fence)) fence = ""
      before = ""
      continue
    }
    if (fence != "") continue
    if (text ~ /^ ? ? ?#+[ \t]/) { sub(/^ *#+[ \t]+/, "", text); heading(path, text); before = "" }
    else if (before != "" && text ~ /^ ? ? ?(=+|-+)[ \t\r]*$/) { heading(path, before); before = "" }
    else before = text ~ /^[ \t\r]*$|^[ \t]*[|>-]/ ? "" : text
    rest = text
    while (match(rest, /(id|name)[ \t]*=[ \t]*["'][^"']+["']/)) {
      id = substr(rest, RSTART, RLENGTH)
      rest = substr(rest, RSTART + RLENGTH)
      gsub(/^[^"']*["']|["']$/, "", id)
      anchors[path, plain(id)] = 1
    }
  }
  close(path)
}

function nearest(path, anchor,    key, parts, best) {
  best = ""
  for (key in anchors) {
    split(key, parts, SUBSEP)
    if (parts[1] == path && parts[2] != "" && (index(parts[2], anchor) || index(anchor, parts[2])))
      if (best == "" || length(parts[2]) > length(best) || (length(parts[2]) == length(best) && parts[2] < best)) best = parts[2]
  }
  return best
}

function visit(target,    anchor, path, at, near) {
  gsub(/^[ \t]+|[ \t]+$/, "", target)
  if (target == "" || target ~ /\{\{|\{%|^<%/) return
  if (target ~ /^[A-Za-z][A-Za-z0-9+.-]*:/ || target ~ /^\/\//) { outside++; return }
  links++
  anchor = ""
  path = target
  if ((at = index(path, "#")) > 0) { anchor = substr(path, at + 1); path = substr(path, 1, at - 1) }
  sub(/\?.*$/, "", path)
  path = decoded(path)
  if (path == "") path = FILENAME
  else if (path ~ /^\//) path = root path
  else path = folder path
  if (!exists(path)) { tell(FNR, target ": no such file"); return }
  if (anchor == "" || anchor == "top" || path !~ /\.(md|markdown|mdx)$/) return
  anchor = plain(decoded(anchor))
  sub(/^user-content-/, "", anchor)
  learn(path)
  if ((path, anchor) in anchors || anchor ~ /^l[0-9]+(-l?[0-9]+)?$/) return
  near = nearest(path, anchor)
  tell(FNR, target ": no such heading" (near == "" ? "" : " (there is #" near ")"))
}

# `code` says nothing.
function without_code(text,    out, size, ticks, at) {
  out = ""
  while (match(text, /`+/)) {
    size = RLENGTH
    ticks = substr(text, RSTART, size)
    out = out substr(text, 1, RSTART - 1)
    text = substr(text, RSTART + size)
    at = index(text, ticks)
    if (!at) return out ticks text
    text = substr(text, at + size)
    out = out "code"
  }
  return out text
}

# The target after "](" up to the bracket that closes it.
function inline(rest,    depth, i, c, target) {
  sub(/^[ \t]+/, "", rest)
  if (substr(rest, 1, 1) == "<") {
    i = index(rest, ">")
    return i ? substr(rest, 2, i - 2) : ""
  }
  depth = 0
  target = ""
  for (i = 1; i <= length(rest); i++) {
    c = substr(rest, i, 1)
    if (c == " " || c == "\t") break
    if (c == "(") depth++
    if (c == ")" && depth-- == 0) break
    if (c == "\\" && substr(rest, i + 1, 1) ~ /[()\\ ]/) { i++; c = substr(rest, i, 1) }
    target = target c
  }
  return target
}

FNR == 1 {
  fence = ""
  comment = 0
  folder = FILENAME
  sub(/[^\/]*$/, "", folder)
}

{
  text = $0
  sub(/\r$/, "", text)
  if (comment) {
    if (!index(text, "-->")) next
    sub(/^.*-->/, "", text)
    comment = 0
  }
  if (match(text, /^ *(```+|~~~+)/)) {
    mark = substr(text, RSTART, RLENGTH)
    gsub(/ /, "", mark)
    if (fence == "") { fence = mark; next }
    if (substr(mark, 1, 1) == substr(fence, 1, 1) && length(mark) >= length(fence)) { fence = ""; next }
  }
  if (fence != "") next
  text = without_code(text)
  while ((at = index(text, "<!--")) > 0) {
    rest = substr(text, at + 4)
    end = index(rest, "-->")
    text = substr(text, 1, at - 1) (end ? substr(rest, end + 3) : "")
    if (!end) { comment = 1; break }
  }
  if (match(text, /^ ? ? ?\[[^]^][^]]*\]:[ \t]*[^ \t]/)) {
    visit(inline(substr(text, RSTART + RLENGTH - 1)))
    next
  }
  rest = text
  while ((at = index(rest, "](")) > 0) {
    rest = substr(rest, at + 2)
    visit(inline(rest))
  }
  rest = text
  while (match(rest, /<[A-Za-z][^>]*[ \t](href|src)[ \t]*=[ \t]*["'][^"']*["']/)) {
    target = substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
    sub(/["']$/, "", target)
    sub(/^.*(href|src)[ \t]*=[ \t]*["']/, "", target)
    visit(target)
  }
}

END { print ARGC - 1, links + 0, outside + 0 >> tally }
