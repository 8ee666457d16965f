# SPDX-License-Identifier: Apache-2.0
# What `toydock network connect|disconnect` ($action) changes in config.json: the annotations from which toyrun makes the container's
# networks at the next start. $fixed and $aliases are lists with commas. Out of its last network its ports are kept aside.
def words: if . == null or . == "" then [] else split(",") end;
def annotation($name): .annotations["org.toyrun.network." + $name];
def set_words($name; $words): if $words == [] then del(annotation($name)) else annotation($name) = ($words | join(",")) end;

(annotation("names") | words) as $names
| if $action == "connect" then
    if $names | index($network) then error("\u0001it is in the network \($network) already") else . end
    | del(annotation("mode")) | set_words("names"; $names + [$network])
    | set_words("addresses"; (annotation("addresses") | words) + ($fixed | words))
    | set_words("aliases"; (annotation("aliases") | words) + (($aliases | words) - (annotation("aliases") | words)))
    | if .annotations["org.toydock.ports"] then set_words("ports"; .annotations["org.toydock.ports"] | words) | del(.annotations["org.toydock.ports"]) else . end
  else
    if $names | index($network) then . else error("\u0001it is not in the network \($network)") end
    | set_words("names"; $names - [$network]) | set_words("addresses"; (annotation("addresses") | words) - ($fixed | words))
    | if $names != [$network] then . else
        if annotation("ports") then .annotations["org.toydock.ports"] = annotation("ports") else . end
        | del(annotation("ports"), annotation("addresses")) | annotation("mode") = "none" end
  end
