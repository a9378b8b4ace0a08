# Reads "name began ended" of each run and tells what they show.

# Seconds are told apart from parts before they are taken from each other: together they have too many digits.
function between(from, to,    a, b) {
  split(from, a, ".")
  split(to, b, ".")
  return (b[1] - a[1]) + (("0." b[2]) - ("0." a[2]))
}

{
  seconds = between($2, $3)
  count[$1]++
  at = count[$1]
  while (at > 1 && sorted[$1, at - 1] > seconds) { sorted[$1, at] = sorted[$1, at - 1]; at-- }
  sorted[$1, at] = seconds
}

function quantile(name, part,    at, low) {
  at = 1 + (count[name] - 1) * part
  low = int(at)
  if (low >= count[name]) return sorted[name, count[name]]
  return sorted[name, low] + (at - low) * (sorted[name, low + 1] - sorted[name, low])
}

function shown(seconds) {
  if (seconds >= 10) return sprintf("%.1f s", seconds)
  if (seconds >= 1) return sprintf("%.2f s", seconds)
  return sprintf("%.1f ms", seconds * 1000)
}

function tell(name,    spread) {
  median = quantile(name, 0.5)
  spread = median > 0 ? 100 * (quantile(name, 0.75) - quantile(name, 0.25)) / median : 0
  printf "%-8s %10s %10s %10s %10s   middle half within %.0f %% of the median\n", name, shown(median), shown(sorted[name, 1]), shown(quantile(name, 0.9)), shown(sorted[name, count[name]]), spread
  if (spread > 20) restless = 1
  if (median < 0.02) short = 1
  return median
}

# How sure it is that one is as a rule faster than the other: Mann and Whitney, with the normal curve. The square, since
# not every awk has roots.
function certainty(one, two,    i, j, wins, off) {
  for (i = 1; i <= count[one]; i++)
    for (j = 1; j <= count[two]; j++) {
      if (sorted[one, i] < sorted[two, j]) wins++
      else if (sorted[one, i] == sorted[two, j]) wins += 0.5
    }
  off = wins - count[one] * count[two] / 2
  return off * off * 12 / (count[one] * count[two] * (count[one] + count[two] + 1))
}

END {
  printf "%-8s %10s %10s %10s %10s   of %d runs each\n", "", "median", "fastest", "90 %", "slowest", count["run"]
  mine = tell("run")
  if ("against" in count) {
    other = tell("against")
    z = certainty("run", "against")
    change = other > 0 ? 100 * (mine - other) / other : 0
    if (z < 1.96 * 1.96) {
      printf "no difference that so many runs can show (medians differ by %.1f %%)\n", (change < 0 ? -change : change)
    } else {
      printf "run is %.1f %% %s than against (%s)\n", (change < 0 ? -change : change), (change < 0 ? "faster" : "slower"), (z > 2.58 * 2.58 ? "99 % sure" : "95 % sure")
    }
  }
  if (restless) print "restless: the times differ much from run to run; more runs, or a quieter machine"
  if (short) print "short: starting a shell takes about as long; repeat the work within the command"
}
