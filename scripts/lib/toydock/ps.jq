# SPDX-License-Identifier: Apache-2.0
# Documents of containers in, the fields of docker's ps out.
include "network";
def time: sub("[.][0-9]+"; "") | try fromdate catch 0;
def ago: (if . < 1 then "Less than a second" elif . < 2 then "1 second" elif . < 60 then "\(. | floor) seconds" elif . < 120 then "About a minute" elif . < 3600 then "\(. / 60 | floor) minutes"
  elif . < 7200 then "About an hour" elif . < 172800 then "\(. / 3600 | floor) hours" else "\(. / 86400 | floor) days" end);
def status: .State as $state | (now - ($state.StartedAt | time)) as $up | (now - ($state.FinishedAt | time)) as $down
  | if $state.Paused then "Up \($up | ago) (Paused)"
    elif $state.Restarting then "Restarting (\($state.ExitCode)) \($down | ago) ago"
    elif $state.Running then "Up \($up | ago)" + (if $state.Health then " (\($state.Health.Status | if . == "starting" then "health: starting" else . end))" else "" end)
    elif $state.Status == "created" then "Created" else "Exited (\($state.ExitCode)) \($down | ago) ago" end;
def matches($pattern): try test($pattern) catch ("toydock: --filter name=\($pattern): this is no regular expression\n" | halt_error(1));
def passes($filter):
  if $filter.key == "name" then (.Name[1:] | matches($filter.value)) elif $filter.key == "id" then (.Id | startswith($filter.value))
    elif $filter.key == "status" then .State.Status == $filter.value elif $filter.key == "exited" then .State.Status == "exited" and (.State.ExitCode | tostring) == $filter.value
    elif $filter.key == "health" then .State.Health.Status == $filter.value
    elif $filter.key == "ancestor" then .Config.Image == $filter.value or .Image == $filter.value
    elif $filter.key == "volume" then any(.Mounts[]; .Name == $filter.value or .Source == $filter.value or .Destination == $filter.value)
    elif $filter.key == "network" then ([(.NetworkSettings.Networks // {} | keys[]), .HostConfig.NetworkMode] | index($filter.value)) != null
    else ($filter.value | split("=")) as $wanted | .Config.Labels as $labels | ($labels | has($wanted[0])) and (($wanted | length) == 1 or $labels[$wanted[0]] == ($wanted[1:] | join("="))) end;
# as docker has it: one of several of a kind will do, but all labels must be there
def passes: . as $one | [$ARGS.positional[] | index("=") as $at | {key: .[:$at], value: .[$at + 1:]}] | group_by(if .key == "label" then .value else null end, .key)
  | all(.[]; any(.[]; . as $filter | $one | passes($filter)));
def shortened($size): if $whole or length <= $size then . else .[:$size - 1] + "…" end;
def ports: [.NetworkSettings.Ports // {} | to_entries[] | .key as $key | if (.value // []) == [] then $key else .value[] | "\(.HostIp):\(.HostPort)->\($key)" end] | join(", ");

map(with_network($leases)) | sort_by(.Created) | reverse
| map(select($all or $last > 0 or .State.Running or any($ARGS.positional[]; startswith("status=") or startswith("exited="))) | select(passes))
| (if $last > 0 then .[:$last] else . end)[]
| {ID: (if $whole then .Id else .Id[:12] end), Image: .Config.Image, Command: ("\"" + ([.Path] + .Args | join(" ") | shortened(20)) + "\""), CreatedAt: .Created,
   RunningFor: ((now - (.Created | time) | ago) + " ago"), Status: status, State: .State.Status, Ports: ports, Names: .Name[1:], Size: "",
   Label: .Config.Labels, Labels: (.Config.Labels | to_entries | map("\(.key)=\(.value)") | join(",")), Mounts: (.Mounts | map(if .Name != "" then .Name else .Source end | shortened(15)) | join(",")),
   Networks: (([.NetworkSettings.Networks // {} | keys[]] | if . == [] then null else join(",") end) // .HostConfig.NetworkMode), LocalVolumes: ([.Mounts[] | select(.Type == "volume")] | length)}
