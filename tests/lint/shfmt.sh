#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# toydock is written as shfmt writes it: two spaces, the branches of a case indented.
set -euo pipefail
cd "$(dirname "$0")/../.."
shfmt -i 2 -ci -d scripts/toydock scripts/lib/toydock/*.sh scripts/examples/*
