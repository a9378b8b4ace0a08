# Turns a coverage report into "line <tab> hits <tab> path" for each line that could be run.

BEGIN {
  if (format == "cobertura" || format == "jacoco") RS = "<"
}

function attribute(name,    rest) {
  if (!match($0, "[ \t\n]" name "=\"[^\"]*\"")) return ""
  rest = substr($0, RSTART, RLENGTH)
  sub(/^[^"]*"/, "", rest)
  sub(/"$/, "", rest)
  gsub(/&lt;/, "<", rest)
  gsub(/&gt;/, ">", rest)
  gsub(/&quot;/, "\"", rest)
  gsub(/&apos;/, "'", rest)
  gsub(/&amp;/, "\\&", rest)
  return rest
}

function say(line, hits) {
  if (path != "" && line + 0 > 0) printf "%d\t%d\t%s\n", line, hits, path
}

format == "lcov" && /^SF:/ { path = substr($0, 4); sub(/\r$/, "", path); next }
format == "lcov" && /^DA:/ { split(substr($0, 4), part, ","); say(part[1], part[2]); next }

format == "cobertura" && /^class[ \t\n]/ { path = attribute("filename"); next }
format == "cobertura" && /^line[ \t\n]/ { say(attribute("number"), attribute("hits")); next }

format == "jacoco" && /^package[ \t\n]/ { package = attribute("name"); next }
format == "jacoco" && /^sourcefile[ \t\n]/ { path = (package == "" ? "" : package "/") attribute("name"); next }
format == "jacoco" && /^line[ \t\n]/ { say(attribute("nr"), attribute("ci")); next }

# path:from.column,to.column statements count
format == "go" && match($0, /:[0-9]+\.[0-9]+,[0-9]+\.[0-9]+ [0-9]+ [0-9]+[ \t\r]*$/) {
  path = substr($0, 1, RSTART - 1)
  split(substr($0, RSTART + 1), part, /[., ]/)
  for (line = part[1] + 0; line <= part[3] + 0; line++) say(line, part[6])
}
