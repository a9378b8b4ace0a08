# Reads "number exit seconds" of each run, and their outputs: what only failing runs say is what to look at.

# Lines that differ only by numbers, addresses and times are the same.
function shape(text) {
  gsub(/\033\[[0-9;]*[A-Za-z]/, "", text)
  gsub(/0x[0-9a-fA-F]+/, "#", text)
  gsub(/[0-9]+/, "#", text)
  gsub(/[ \t\r]+/, " ", text)
  return text
}

# The rate at which so many runs in a row pass once in twenty times. By halves, since not every awk has logarithms.
function possible(runs,    low, high, middle, pass, i, step) {
  low = 0
  high = 1
  for (step = 0; step < 40; step++) {
    middle = (low + high) / 2
    pass = 1
    for (i = 0; i < runs; i++) pass *= 1 - middle
    if (pass > 0.05) low = middle
    else high = middle
  }
  return high
}

{
  runs++
  exits[$1] = $2
  codes[$2]++
  if ($2 != 0) failed++
  if (runs == 1 || $3 < shortest) shortest = $3
  if ($3 > longest) longest = $3
}

END {
  printf "%d of %d runs failed", failed, runs
  for (code = 0; code < 256; code++) if (code in codes) printf "%sexit %d: %d", (listed++ ? ", " : " ("), code, codes[code]
  printf "); each took %d to %d s\n", shortest, longest
  if (124 in codes) print "exit 124: the run was cut off at its limit"
  if (!failed) {
    printf "none failed: it may still fail in up to %.1f %% of runs (95 %% sure)\n", 100 * possible(runs)
    exit 0
  }
  for (n = 1; n <= runs; n++) {
    if (exits[n] != 0) continue
    file = work "/" n ".out"
    while ((getline text < file) > 0) passing[shape(text)] = 1
    close(file)
  }
  # Runs that fail with the same lines fail in the same way.
  for (n = 1; n <= runs; n++) {
    if (exits[n] == 0) continue
    file = work "/" n ".out"
    way = exits[n]
    count = 0
    split("", own)
    while ((getline text < file) > 0) {
      key = shape(text)
      if (key == "" || key == " " || (key in passing) || (key in own)) continue
      own[key] = 1
      count++
      if (count <= 12) { way = way "\n" key; example[n, count] = substr(text, 1, 300) }
    }
    close(file)
    if (!(way in seen)) { seen[way] = n; order[++ways] = way; size[way] = count }
    often[way]++
  }
  if (failed == runs) print "it fails every time: that is no flaky test but a failing one"
  printf "ways to fail: %d\n", ways
  for (i = 1; i <= ways && i <= 5; i++) {
    way = order[i]
    n = seen[way]
    printf "\n%d times, first in run %d, exit %d; lines that no passing run printed:\n", often[way], n, exits[n]
    for (j = 1; (n, j) in example; j++) print "  | " example[n, j]
    if (size[way] > 12) printf "  and %d more\n", size[way] - 12
    if (!size[way]) print "  none: it printed nothing of its own"
  }
  if (ways > 5) printf "\nand %d more ways\n", ways - 5
  exit 1
}
