# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# --format: docker's Go templates, as far as people use them, turned into a jq program. Fields are checked before they
# become jq; everything else becomes a string.
#   {{.A.B}}  {{json .A}}  {{len .A}}  {{upper .A}}  {{lower .A}}  {{join .A ","}}  {{index .A "key"}}  {{.A | json}}
#   {{range .A}}…{{end}}  {{range $k, $v := .A}}…{{end}}  {{if .A}}…{{else}}…{{end}}  {{println .A}}

# template_program TEMPLATE: PROGRAM is a jq expression that gives the text for its input.
template_program() {
  local rest=$1 action literal depth=0
  PROGRAM='[""'
  while [[ $rest == *'{{'* ]]; do
    literal=${rest%%'{{'*}
    rest=${rest#*'{{'}
    [[ $rest == *'}}'* ]] || die "--format: a {{ without its }}"
    action=${rest%%'}}'*}
    rest=${rest#*'}}'}
    if [[ $action == -* ]]; then
      action=${action#-}
      literal=${literal%"${literal##*[![:space:]]}"}
    fi
    if [[ $action == *- ]]; then
      action=${action%-}
      rest=${rest#"${rest%%[![:space:]]*}"}
    fi
    template_literal "$literal"
    action=${action#"${action%%[![:space:]]*}"}
    action=${action%"${action##*[![:space:]]}"}
    template_action "$action"
  done
  template_literal "$rest"
  ((depth == 0)) || die "--format: an {{end}} is missing"
  PROGRAM+='] | add'
}

template_literal() {
  [[ -n $1 ]] || return 0
  local text=${1//'\t'/$'\t'}
  text=${text//'\n'/$'\n'}
  json_string "$text"
  # \( would be jq's interpolation; json_string has doubled every backslash
  PROGRAM+=",$JSON"
}

FIELD='(\$[a-z][a-zA-Z]*)?(\.[A-Za-z0-9_.]*)?'
template_action() {
  case $1 in
    end)
      ((depth > 0)) || die "--format: an {{end}} too many"
      PROGRAM+=${ENDS[depth]}
      depth=$((depth - 1))
      ;;
    else)
      PROGRAM+='] | add) else ([""'
      ENDS[depth]='] | add) end)'
      ;;
    'if '*)
      template_value "${1#if }"
      PROGRAM+=",(if ($VALUE) | truth then ([\"\""
      depth=$((depth + 1))
      ENDS[depth]='] | add) else "" end)'
      ;;
    'range '*)
      depth=$((depth + 1))
      ENDS[depth]='] | add] | add // "")'
      if [[ $1 =~ ^range[[:space:]]+\$([a-z]+),[[:space:]]*\$([a-z]+)[[:space:]]*:=[[:space:]]*(.*)$ ]]; then
        local key=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
        template_value "${BASH_REMATCH[3]}"
        PROGRAM+=",([($VALUE) // {} | to_entries[] | .key as \$$key | .value as \$$value | \$$value | [\"\""
      else
        template_value "${1#range }"
        PROGRAM+=",([($VALUE) // [] | .[] | [\"\""
      fi
      ;;
    'println '*)
      template_value "${1#println }"
      PROGRAM+=",(($VALUE) | text) + \"\\n\""
      ;;
    *)
      template_value "$1"
      PROGRAM+=",(($VALUE) | text)"
      ;;
  esac
}

# template_value EXPRESSION: VALUE is its jq.
template_value() {
  local word=$1 pipe='' text=' +"([^"\\]*)"'
  if [[ $word == *'|'* ]]; then
    pipe=${word##*|}
    pipe=${pipe//[[:space:]]/}
    word=${word%|*}
    word=${word%"${word##*[![:space:]]}"}
    template_value "$word"
    template_function "$pipe" "$VALUE"
  elif [[ $word =~ ^$FIELD$ && -n $word ]]; then
    template_field "$word"
  elif [[ $word =~ ^(json|len|upper|lower|title|print)[[:space:]]+($FIELD)$ ]]; then
    local name=${BASH_REMATCH[1]}
    template_field "${BASH_REMATCH[2]}"
    template_function "$name" "$VALUE"
  elif [[ $word =~ ^join[[:space:]]+($FIELD)$text$ ]]; then
    local between=${BASH_REMATCH[4]}
    template_field "${BASH_REMATCH[1]}"
    json_string "$between"
    VALUE="($VALUE) | map(text) | join($JSON)"
  elif [[ $word =~ ^index[[:space:]]+($FIELD)$text$ ]]; then
    local key=${BASH_REMATCH[4]}
    template_field "${BASH_REMATCH[1]}"
    json_string "$key"
    VALUE="($VALUE) | .[$JSON]?"
  elif [[ $word =~ ^index[[:space:]]+($FIELD)[[:space:]]+([0-9]+)$ ]]; then
    local number=${BASH_REMATCH[4]}
    template_field "${BASH_REMATCH[1]}"
    VALUE="($VALUE) | .[$number]?"
  else
    die "--format: {{$word}} is not understood" "fields, json, len, upper, lower, join, index, range, if: see man toydock"
  fi
}
template_function() {
  case $1 in
    json) VALUE="($2) | tojson" ;;
    len) VALUE="($2) | length" ;;
    upper) VALUE="($2) | text | ascii_upcase" ;;
    lower) VALUE="($2) | text | ascii_downcase" ;;
    title | print) VALUE="($2) | text" ;;
    *) die "--format: the function $1 is not known" ;;
  esac
}
template_field() {
  local path=$1 part
  VALUE=.
  if [[ $path == \$* ]]; then
    VALUE=${path%%.*}
    path=${path#"$VALUE"}
  fi
  for part in ${path//./ }; do VALUE+=" | .[\"$part\"]?"; done
}

# show_table NAMES: reads JSON objects; --format, or a table of the fields named in the default template. HEADERS maps.
#   show_formatted DEFAULT-TEMPLATE <objects
show_formatted() {
  local format=${OPTION[format]:-$1} headers=false program
  case $format in
    json)
      jq -c .
      return
      ;;
    table) format=$1 headers=true ;;
    'table '*) format=${format#table } headers=true ;;
    "$1") headers=true ;;
  esac
  if [[ $headers == true ]]; then format=${format//' '/$'\t'}; fi
  template_program "$format"
  program=$PROGRAM
  jq -n -r --argjson headers $headers --arg template "$format" "$TEXT_FUNCTIONS"'
    [inputs | '"$program"'] as $lines
    | if $headers then
        [([$template | scan("{{[^}]*?\\.?([A-Za-z]+)[^A-Za-z}]*}}") | .[0] | header] | join("\t"))] + $lines | map(split("\t"))
        | (map(length) | max) as $columns
        | [range($columns) as $column | map(.[$column] // "" | length) | max] as $widths
        | .[] | . as $row | [range($row | length) as $at | if $at == ($row | length) - 1 then $row[$at] else $row[$at] + " " * ($widths[$at] - ($row[$at] | length)) end] | join("   ")
      else $lines[] end'
}
TEXT_FUNCTIONS='
  def text: if type == "string" then . elif . == null then "<no value>" elif type == "array" then "[" + (map(text) | join(" ")) + "]"
    elif type == "object" then "map[" + (to_entries | map(.key + ":" + (.value | text)) | join(" ")) + "]" else tostring end;
  def truth: . != null and . != false and . != "" and . != 0 and . != [] and . != {};
  def header: {ID: "CONTAINER ID", RunningFor: "CREATED", CreatedSince: "CREATED", CreatedAt: "CREATED AT", CPUPerc: "CPU %", MemUsage: "MEM USAGE / LIMIT",
    MemPerc: "MEM %", PIDs: "PIDS", BlockIO: "BLOCK I/O", NetIO: "NET I/O"}[.] // (gsub("(?<l>[a-z])(?<u>[A-Z])"; "\(.l) \(.u)") | ascii_upcase);
'
