# The commands that a pipeline runs: `run:` of GitHub and CircleCI, `script:` of GitLab, `sh` of Jenkins.

function indent(text) { match(text, /^ */); return RLENGTH }
function say(text) { gsub(/^[ \t]+|[ \t\r]+$/, "", text); if (text != "" && text !~ /^#/ && !(text in told)) { told[text] = 1; print "             " substr(text, 1, 160) } }

/^ *(- )?(run|command): *[|>][-+]? *$/ { block = indent($0) + ($0 ~ /^ *- / ? 2 : 0); next }
block != "" && $0 !~ /^ *\r?$/ { if (indent($0) > block) { say($0); next } block = "" }
/^ *(- )?(run|command): *[^|> ]/ { line = $0; sub(/^[^:]*: */, "", line); say(line); next }
/^ *(script|before_script): *$/ { list = indent($0) + 1; next }
list != "" && /^ *- / && indent($0) + 1 >= list { line = $0; sub(/^ *- */, "", line); say(line); next }
list != "" && $0 !~ /^ *\r?$/ { list = "" }
/^[ \t]*sh +['"]/ { line = $0; sub(/^[ \t]*sh +["']+/, "", line); sub(/["']+[ \t]*$/, "", line); say(line) }
