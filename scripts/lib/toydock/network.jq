# SPDX-License-Identifier: Apache-2.0
# Documents of `toyrun network inspect` in; out, with tabs between: "host ID ADDRESS NAMES" for each name that a container
# shall know, and "document ID JSON" with docker's NetworkSettings of the container $own.
def port: capture("^((?<ip>\\[[^]]+\\]|[0-9.]+):)?(?<host>[0-9]+)(-(?<last>[0-9]+))?:(?<inside>[0-9]+)(-[0-9]+)?/(?<protocol>[a-z]+)$")
  | (.host | tonumber) as $host | (.inside | tonumber) as $inside | . as $port
  | range(0; ((.last // .host) | tonumber) - $host + 1)
  | {key: "\($inside + .)/\($port.protocol)", value: {HostIp: ($port.ip // "0.0.0.0" | ltrimstr("[") | rtrimstr("]")), HostPort: "\($host + .)"}};
. as $networks
| ([$networks[].containers[].id] | unique[]) as $id
| ([$networks[] | select(any(.containers[]; .id == $id))]) as $mine
| ([$mine[].containers[] | .aliases as $aliases | .addresses[] | [., ($aliases | unique | join(" "))]] | unique[] | ["host", $id] + . | join("\t")),
  (if $id == $own then ["document", $id, ({
      Networks: ([$mine[] | . as $network | .containers[] | select(.id == $id) | {key: $network.name, value: {
        IPAddress: ([.addresses[] | select(contains(":") | not)] | first // ""), GlobalIPv6Address: ([.addresses[] | select(contains(":"))] | first // ""),
        Gateway: ([$network.subnets[].gateway | select(contains(":") | not)] | first // ""), Aliases: .aliases}}] | from_entries),
      IPAddress: ([$mine[].containers[] | select(.id == $id) | .addresses[] | select(contains(":") | not)] | first // ""),
      Ports: ([$mine[].containers[] | select(.id == $id) | .ports[]? | port] | unique | group_by(.key) | map({key: .[0].key, value: map(.value)}) | from_entries)
    } | tojson)] | join("\t") else empty end)
