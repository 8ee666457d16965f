# SPDX-License-Identifier: Apache-2.0
# A jq module: a size as docker writes it, 64m or 1073741824, in bytes; null for any other text.
def size:
  if test("^-?[0-9]+$") then tonumber
  elif test("^[0-9]+([.][0-9]+)?[bkmgtBKMGT]([iI]?[bB])?$") then
    (capture("^(?<number>[0-9.]+)(?<unit>.)") | (.number | tonumber) * pow(1024; (.unit | ascii_downcase) as $unit | "bkmgt" | index($unit))) | floor
  else null end;
