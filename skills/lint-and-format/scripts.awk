# The scripts of a package.json that lint, format or check types, whatever its line breaks.

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
    if (name !~ /lint|format|fmt|check|types/) continue
    sub(/^([^"\\]|\\.)*"[ \t]*:[ \t]*"/, "", pair)
    sub(/"$/, "", pair)
    printf "own script     %s = %s\n", name, substr(pair, 1, 120)
  }
}
