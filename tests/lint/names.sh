#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names that say nothing are not used for files or types. A credential helper is what Docker calls such a program.
set -euo pipefail
cd "$(dirname "$0")/../.."
status=0
found=$(git ls-files bundle-spec runtime imagetool | grep -E '(^|[/_])(utils?|helpers?|common|misc|manager|handler|impl|internal)([/_.]|$)' | grep -v credential_helper || true)
[ -z "$found" ] || { echo "file names: $found"; status=1; }
found=$(grep -rnE '\b(class|struct|namespace) [A-Za-z_]*(Util|Helper|Manager|Handler|Impl|util|helper|manager|handler|impl|internal)\b' bundle-spec runtime imagetool --include='*.[ch]pp' || true)
[ -z "$found" ] || { echo "types: $found"; status=1; }
found=$(grep -rnE '\b(TODO|FIXME|XXX)\b' bundle-spec runtime imagetool scripts man --include='*' | grep -v 'XXXX' || true)
[ -z "$found" ] || { echo "left to do: $found"; status=1; }
exit $status
