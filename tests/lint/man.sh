#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The man pages are sound mdoc.
set -euo pipefail
cd "$(dirname "$0")/../../man"
# A page that is not installed yet cannot be found by its cross references: that is a style message only.
mandoc -T lint -W warning ./*.[1-9]
