# SPDX-License-Identifier: Apache-2.0
# A jq module: docker's NetworkSettings of a container, of what `toyrun network leases` prints.
def version4: map(select(contains(":") | not)) | first // "";
def version6: map(select(contains(":"))) | first // "";
def ports: capture("^((?<ip>\\[[^]]+\\]|[0-9.]+):)?(?<host>[0-9]+)(-(?<last>[0-9]+))?:(?<inside>[0-9]+)(-[0-9]+)?/(?<protocol>[a-z]+)$")
  | (.host | tonumber) as $host | (.inside | tonumber) as $inside | . as $port
  | range(0; ((.last // .host) | tonumber) - $host + 1)
  | {key: "\($inside + .)/\($port.protocol)", value: {HostIp: ($port.ip // "0.0.0.0" | ltrimstr("[") | rtrimstr("]")), HostPort: "\($host + .)"}};
def with_network($leases): .Id as $id
  | [$leases | split("\n")[] | split("\t") | select(.[1] == $id)
      | {network: .[0], addresses: (.[3] | split(",")), aliases: (.[4] | split(",")), ports: (.[5] | split(",") - ["-"]), gateways: (.[6] | split(","))}] as $mine
  | .NetworkSettings = {
      Networks: ($mine | map({key: .network, value: {IPAddress: (.addresses | version4), GlobalIPv6Address: (.addresses | version6),
        Gateway: (.gateways | version4), IPv6Gateway: (.gateways | version6), Aliases: .aliases}}) | from_entries),
      IPAddress: ($mine | map(.addresses[]) | version4),
      Ports: ($mine | map(.ports[] | ports) | unique | group_by(.key) | map({key: .[0].key, value: map(.value)}) | from_entries)};
