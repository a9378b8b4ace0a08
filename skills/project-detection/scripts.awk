# The scripts of a package.json, "name <tab> command" each, whatever its line breaks.

{ text = text $0 " " }

END {
  if (!match(text, /"scripts"[ \t]*:[ \t]*\{/)) exit
  text = substr(text, RSTART + RLENGTH)
  while (match(text, /^[ \t,]*"([^"\\]|\\.)*"[ \t]*:[ \t]*"([^"\\]|\\.)*"/)) {
    pair = substr(text, RSTART, RLENGTH)
    text = substr(text, RSTART + RLENGTH)
    sub(/^[ \t,]*"/, "", pair)
    name = pair
    sub(/"[ \t]*:.*$/, "", name)
    sub(/^([^"\\]|\\.)*"[ \t]*:[ \t]*"/, "", pair)
    sub(/"$/, "", pair)
    gsub(/\\"/, "\"", pair)
    print name "\t" pair
  }
}
