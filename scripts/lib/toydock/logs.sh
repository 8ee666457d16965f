# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# logs: conmon writes lines "TIME stdout|stderr F|P TEXT"; P is a part of a line that goes on.

OPTIONS_logs='f follow go on until the container has ended
- since=TIME not what is older: a time, or 10m for ten minutes ago
- until=TIME not what is newer
n tail=NUMBER only the last lines, or all
t timestamps show when
- details accepted, does nothing'
USAGE_logs='[options] CONTAINER'
verb_logs() {
  need_root
  parse "$OPTIONS_logs" "$@"
  at_least 1 'which container?'
  at_most 1
  need_container "${WORDS[0]}"
  load_settings
  local tail=${OPTION[tail]:-all} since='' until=''
  if [[ $tail =~ ^-[0-9]+$ ]]; then tail=all; fi # as docker
  [[ $tail == all || $tail =~ ^[0-9]+$ ]] || die "--tail $tail: a number or all"
  [[ $tail != all ]] || tail=+1
  if [[ -n ${OPTION[since]:-} ]]; then moment "${OPTION[since]}" && since=$MOMENT; fi
  if [[ -n ${OPTION[until]:-} ]]; then moment "${OPTION[until]}" && until=$MOMENT; fi
  [[ -e $DIRECTORY/log ]] || return 0
  local options=(-n "$tail")
  if [[ ${OPTION[follow]:-} == true ]] && running_pid && monitor_pid; then
    # our child, for a monitor whose parent never waits for it is there for ever
    "$ATTACH" --wait "$MONITOR" &
    trap 'kill $! 2>/dev/null || true' EXIT
    options+=(-f --pid $! -s 0.1)
  fi
  show tail "${options[@]}" "$DIRECTORY/log"
  tail "${options[@]}" "$DIRECTORY/log" | print_log "$since" "$until" "${OPTION[timestamps]:-false}"
}

# moment WORDS: MOMENT is the time as the log has it: a number of seconds, 10m, 2h30m, or what date(1) understands.
moment() {
  local words=$1 ago=0
  if [[ $words =~ ^([0-9]{1,9}[smhd])+$ ]]; then
    while [[ $words =~ ^0*([0-9]+)([smhd])(.*)$ ]]; do
      ago=$((ago + BASH_REMATCH[1] * ${factors[${BASH_REMATCH[2]}]}))
      words=${BASH_REMATCH[3]}
    done
    words=@$((EPOCHSECONDS - ago))
  elif [[ $words =~ ^[0-9]+([.][0-9]+)?$ ]]; then
    words=@$words
  fi
  MOMENT=$(TZ=UTC0 date -d "$words" +%Y-%m-%dT%H:%M:%S.%N 2>/dev/null) || die "$words is not a time" "examples: 10m, 2026-11-27T01:00:00, 1795740000"
}
declare -A factors=([s]=1 [m]=60 [h]=3600 [d]=86400)

# print_log SINCE UNTIL STAMPS: perl, for to mawk a line ends at its first NUL
print_log() {
  # shellcheck disable=SC2016
  perl -e '
    $| = 1;
    my ($since, $until, $stamps) = @ARGV;
    while (my $line = <STDIN>) {
      chomp $line;
      my ($time, $stream, $part, $text) = split / /, $line, 4;
      $time = substr $time, 0, 29;
      next if $since ne "" && $time lt $since || $until ne "" && $time gt $until;
      $text = "" unless defined $text;
      $text = $time . "Z " . $text if $stamps eq "true" && !$middle{$stream};
      $middle{$stream} = $part eq "P";
      print { $stream eq "stderr" ? *STDERR : *STDOUT } $text, $middle{$stream} ? "" : "\n";
    }' -- "$@"
}
