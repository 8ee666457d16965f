# SPDX-License-Identifier: Apache-2.0
# The resources of a config.json with what `toydock update` changes, as pairs of words; what does not run is checked here only.
include "size";
def refuse($words): error("\u0001" + $words);
def bytes($option): size // refuse("--\($option) \(.): this is not a size; examples: 64m, 1g, 1073741824");
def number($option): if test("^[0-9]+([.][0-9]*)?$|^[.][0-9]+$") then tonumber else refuse("--\($option) \(.): this is not a number") end;
def whole($option): if test("^-?[0-9]{1,15}$") then tonumber else refuse("--\($option) \(.): this is not a whole number") end;
def within($option; $least; $most): whole($option) | if . >= $least and . <= $most then . else refuse("--\($option) \(.): from \($least) to \($most), please") end;
def list($option): if test("^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$") then . else refuse("--\($option) \(.): this is no list; example: 0-3,7") end;

($ARGS.positional as $all | [range(0; $all | length; 2) | {key: $all[.], value: $all[. + 1]}] | from_entries) as $o
| .linux.resources
# 0 is no limit, which runtimes write as -1
| if $o.memory then ($o.memory | bytes("memory") | if . <= 0 then -1 else . end) as $memory
    | if $memory > 0 and $memory < 6291456 then refuse("--memory \($o.memory): less than 6m is too little for any program") else . end
    | .memory.limit = $memory
    | if .memory.swap and ($o["memory-swap"] | not) then .memory.swap = if $memory < 0 then -1 else $memory * 2 end else . end else . end
| if $o["memory-swap"] then ($o["memory-swap"] | bytes("memory-swap")) as $swap | (.memory.limit // -1) as $memory
    | if $swap != -1 and ($memory < 0 or $swap < $memory) then
        refuse("--memory-swap \($o["memory-swap"]) is less than --memory\u0001it is memory and swap together; -1 is any") else . end
    | .memory.swap = $swap else . end
| if $o["memory-reservation"] then .memory.reservation = ($o["memory-reservation"] | bytes("memory-reservation")) else . end
| if $o.cpus then .cpu.period = 100000 | .cpu.quota = ($o.cpus | number("cpus") * 100000 | floor | if . == 0 then -1 else . end) else . end
| if $o["cpu-shares"] then .cpu.shares = ($o["cpu-shares"] | within("cpu-shares"; 2; 262144)) else . end
| if $o["cpu-period"] then .cpu.period = ($o["cpu-period"] | within("cpu-period"; 1000; 1000000)) else . end
| if $o["cpu-quota"] then .cpu.quota = ($o["cpu-quota"] | whole("cpu-quota") | if . <= 0 then -1 else . end) else . end
| if .cpu.quota and .cpu.quota > 0 and .cpu.quota < 1000 then refuse("a quota of \(.cpu.quota) microseconds: 1000 is the least, which is a hundredth of a core") else . end
| if $o["cpuset-cpus"] then .cpu.cpus = ($o["cpuset-cpus"] | list("cpuset-cpus")) else . end
| if $o["cpuset-mems"] then .cpu.mems = ($o["cpuset-mems"] | list("cpuset-mems")) else . end
| if $o["pids-limit"] then .pids.limit = ($o["pids-limit"] | whole("pids-limit") | if . <= 0 then -1 else . end) else . end
