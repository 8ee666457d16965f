# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# --format: docker's Go templates, as far as people use them, turned into a jq program. Fields are checked before they
# become jq; everything else becomes a string.
#   {{.A.B}}  {{json .A}}  {{len .A}}  {{upper .A}}  {{lower .A}}  {{join .A ","}}  {{index .A "key"}}  {{.A | json}}  {{"text"}}  {{(index (index .A "key") 0).B}}
#   {{range .A}}…{{end}}  {{range $k, $v := .A}}…{{end}}  {{if .A}}…{{else if eq .B "text"}}…{{else}}…{{end}}  {{println .A}}  {{.Label "key"}}

# template_program TEMPLATE: PROGRAM is a jq expression that gives the text for its input.
template_program() {
  local rest=$1 action literal depth=0 names=''
  PROGRAM='[""'
  while [[ $rest == *'{{'* ]]; do
    literal=${rest%%'{{'*}
    rest=${rest#*'{{'}
    [[ $rest == *'}}'* ]] || die "--format: a {{ without its }}" "example: --format '{{.ID}}'"
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
  local guard
  json_string "$1"
  guard="catch misfit($JSON))"
  case $1 in
    end)
      ((depth > 0)) || die "--format: an {{end}} too many"
      PROGRAM+=${ENDS[depth]}
      names=${NAMES_BEFORE[depth]}
      depth=$((depth - 1))
      ;;
    else | 'else if '*)
      [[ ${ENDS[depth]:-} == *' else "" end)' ]] || die "--format: an {{else}} without its {{if}}"
      if [[ $1 == else ]]; then
        PROGRAM+='] | add) else ([""'
        ENDS[depth]='] | add) end)'
      else
        template_value "${1#else if }"
        PROGRAM+="] | add) elif (try ($VALUE | truth) $guard then ([\"\""
      fi
      ;;
    'if '*)
      template_value "${1#if }"
      PROGRAM+=",(if (try ($VALUE | truth) $guard then ([\"\""
      open_block '] | add) else "" end)'
      ;;
    'range '*)
      if [[ $1 =~ ^range[[:space:]]+\$([a-z]+),[[:space:]]*\$([a-z]+)[[:space:]]*:=[[:space:]]*(.*)$ ]]; then
        local key=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
        template_value "${BASH_REMATCH[3]}"
        PROGRAM+=",([(try ($VALUE | pairs) ${guard}[] | .key as \$v_$key | .value as \$v_$value | \$v_$value | [\"\""
        open_block '] | add] | add // "")'
        names+="\$$key \$$value "
      else
        template_value "${1#range }"
        PROGRAM+=",([(try ($VALUE | pairs) ${guard}[] | .value | [\"\""
        open_block '] | add] | add // "")'
      fi
      ;;
    'println '*)
      template_value "${1#println }"
      PROGRAM+=",(try ($VALUE | text) $guard + \"\\n\""
      ;;
    *)
      template_value "$1"
      PROGRAM+=",(try ($VALUE | text) $guard"
      ;;
  esac
}
# open_block END: END closes it in jq; the variables that it adds are gone then
open_block() {
  depth=$((depth + 1))
  ENDS[depth]=$1
  NAMES_BEFORE[depth]=$names
}

# template_value EXPRESSION: VALUE is its jq.
template_value() {
  local word=$1 pipe='' text='[[:space:]]+"([^"\]*)"'
  if [[ $word == *'|'* ]]; then
    pipe=${word##*|}
    pipe=${pipe//[[:space:]]/}
    word=${word%|*}
    word=${word%"${word##*[![:space:]]}"}
    template_value "$word"
    template_function "$pipe" "$VALUE"
  elif [[ $word =~ ^$FIELD$ && -n $word ]]; then
    template_field "$word"
  elif [[ $word =~ ^\"([^\"]*)\"$ ]]; then
    word=${BASH_REMATCH[1]//'\t'/$'\t'}
    json_string "${word//'\n'/$'\n'}"
    VALUE=$JSON
  elif [[ $word =~ ^\(index[[:space:]]+\(index[[:space:]]+($FIELD)$text\)[[:space:]]+([0-9]{1,9})\)(\.[A-Za-z0-9_.]+)?$ ]]; then
    local key=${BASH_REMATCH[4]} number=${BASH_REMATCH[5]} rest=${BASH_REMATCH[6]} inner
    template_field "${BASH_REMATCH[1]}"
    json_string "$key"
    inner="$VALUE | .[$JSON]? | .[$number]?"
    template_field "${rest:-.}"
    VALUE="($inner | $VALUE)"
  elif [[ $word =~ ^(json|len|upper|lower|title|print|not)[[:space:]]+($FIELD)$ ]]; then
    local name=${BASH_REMATCH[1]}
    template_field "${BASH_REMATCH[2]}"
    template_function "$name" "$VALUE"
  elif [[ $word =~ ^(join|index|eq|ne|\.Label)([[:space:]]+($FIELD))?$text$ ]]; then
    local name=${BASH_REMATCH[1]} key=${BASH_REMATCH[6]}
    template_field "${BASH_REMATCH[3]:-.}"
    json_string "$key"
    case $name in
      join) VALUE="($VALUE | map(text) | join($JSON))" ;;
      index) VALUE="($VALUE | .[$JSON]? // \"\")" ;;
      .Label) VALUE="(.Label[$JSON]? // \"\")" ;;
      eq) VALUE="($VALUE == $JSON)" ;;
      ne) VALUE="($VALUE != $JSON)" ;;
    esac
  elif [[ $word =~ ^(index|eq|ne)[[:space:]]+($FIELD)[[:space:]]+([0-9]{1,15})$ ]]; then
    local name=${BASH_REMATCH[1]} number=${BASH_REMATCH[5]}
    template_field "${BASH_REMATCH[2]}"
    case $name in
      index) VALUE="($VALUE | .[$number]?)" ;;
      eq) VALUE="($VALUE == $number)" ;;
      ne) VALUE="($VALUE != $number)" ;;
    esac
  else
    die "--format: {{$word}} is not understood" "fields, json, len, upper, lower, join, index, eq, ne, not, range, if: see man toydock, FORMATS"
  fi
}
template_function() {
  case $1 in
    json) VALUE="($2 | tojson)" ;;
    len) VALUE="($2 | size_of)" ;;
    upper) VALUE="($2 | text | ascii_upcase)" ;;
    lower) VALUE="($2 | text | ascii_downcase)" ;;
    not) VALUE="($2 | truth | not)" ;;
    title | print) VALUE="($2 | text)" ;;
    *) die "--format: the function $1 is not known" "json, len, upper, lower: see man toydock, FORMATS" ;;
  esac
}
template_field() {
  local path=$1 part parts
  VALUE=.
  if [[ $path == \$* ]]; then
    VALUE=${path%%.*}
    path=${path#"$VALUE"}
    [[ " $names" == *" $VALUE "* ]] || die "--format: nothing is called $VALUE here" "{{range \$key, \$value := .Config.Labels}} names two, until its {{end}}"
    VALUE=\$v_${VALUE#\$}
  fi
  IFS=. read -r -a parts <<<"$path"
  for part in "${parts[@]}"; do [[ -z $part ]] || VALUE+=" | .[\"$part\"]?"; done
  VALUE="($VALUE)"
}

# show_formatted DEFAULT-TEMPLATE: reads JSON objects, shows them as --format says, or as a table of the fields of the template.
show_formatted() {
  local format=${OPTION[format]:-$1} headers=false program
  case $format in
    json)
      jq -c "${ASCII[@]}" 'del(.Label)'
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
    [inputs | if $headers then map_values(shown) else . end | '"$program"'] as $lines
    | if $headers then
        [([$template | scan("{{[^}]*?\\.?([A-Za-z]+)[^A-Za-z}]*}}") | .[0] | header] | join("\t"))] + $lines | map(split("\t"))
        | (map(length) | max) as $columns
        | [range($columns) as $column | map(.[$column] // "" | length) | max] as $widths
        | .[] | . as $row | [range($row | length) as $at | if $at == ($row | length) - 1 then $row[$at] else $row[$at] + " " * ($widths[$at] - ($row[$at] | length)) end] | join("   ")
      else $lines[] end'
}
# On a terminal words of images and containers lose their control characters, C1 included, which jq leaves in JSON.
AT_TERMINAL=false ASCII=()
if [[ -t 1 ]]; then AT_TERMINAL=true ASCII=(-a); fi
TEXT_FUNCTIONS='
  def is_control: . < 32 or (. > 126 and . < 160);
  def shown: if type == "string" then (explode | if any(.[]; is_control) then map(if is_control then 63 else . end) | implode else implode end) else . end;
  def plain: if type == "string" then . elif . == null then "<no value>" elif type == "array" then "[" + (map(plain) | join(" ")) + "]"
    elif type == "object" then "map[" + (to_entries | map(.key + ":" + (.value | plain)) | join(" ")) + "]" else tostring end;
  def text: plain | if '$AT_TERMINAL' then shown else . end;
  def truth: . != null and . != false and . != "" and . != 0 and . != [] and . != {};
  def size_of: if type == "number" or type == "boolean" then error("\(type) has no length") else length end;
  def pairs: if type == "array" then [range(length) as $at | {key: ($at | tostring), value: .[$at]}] elif type == "object" then to_entries
    elif . == null then [] else error("there is no list to go through, but \(tojson)") end;
  def misfit($action): "toydock: --format: {{\($action)}} does not fit what is there: \(. | tostring | shown)\n  see: man toydock, FORMATS\n" | halt_error(1);
  def header: {ID: "CONTAINER ID", RunningFor: "CREATED", CreatedSince: "CREATED", CreatedAt: "CREATED AT", CPUPerc: "CPU %", MemUsage: "MEM USAGE / LIMIT",
    MemPerc: "MEM %", PIDs: "PIDS", BlockIO: "BLOCK I/O", NetIO: "NET I/O"}[.] // (gsub("(?<l>[a-z])(?<u>[A-Z])"; "\(.l) \(.u)") | ascii_upcase);
'
