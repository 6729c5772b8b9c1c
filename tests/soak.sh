#!/usr/bin/env bash
# The campaigns of the tests, round after round with other seeds, for as long as asked: ./test soak --hours 8
# Writes target/soak/verdict.json after each round, and keeps the log of each round that fails. Ends with 0 if none did.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What takes chances or counts; everything else says the same each time.
campaigns='test(crash_) | test(lifecycle) | test(simulation) | test(power_cut) | test(limits) | test(corruption) | test(broker_faults)
    | test(/^stop::/) | test(names) | test(end_to_end) | test(closed_list) | test(corpus::) | test(fuzz) | test(step_harness) | test(leaver_everywhere) | test(clock)'
# How many times more than in CI a round spoils and breaks.
rounds_each=4

refuse() { printf 'soak: %s\n' "$@" >&2; exit 2; }

[ "${1:-}" = --hours ] && [ "$#" -eq 2 ] || refuse "say how long: ./test soak --hours N"
[[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || refuse "--hours takes a number, not '$2'"
seconds=$(awk -v hours="$2" 'BEGIN { printf "%d", hours * 3600 }')
cargo nextest --version >/dev/null 2>&1 || refuse "cargo-nextest is missing: cargo install cargo-nextest --locked"

# The verdict is for machines as well.
export CARGO_TERM_COLOR=never
# As in CI, of which this is the longer part.
export CARGO_PROFILE_DEV_OPT_LEVEL=1
cargo nextest run --features age --no-run </dev/null || refuse "the tests do not compile, see above."

folder="${CARGO_TARGET_DIR:-target}/soak"
mkdir -p "$folder"
commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
begun=$(date -u +%FT%TZ)
entries=()
failed=0

verdict() {
    local state="$1" IFS=,
    printf '{"commit":"%s","begun":"%s","written":"%s","state":"%s","rounds_failed":%d,"rounds":[%s]}\n' \
        "$commit" "$begun" "$(date -u +%FT%TZ)" "$state" "$failed" "${entries[*]-}" >"$folder/verdict.json"
}

round() {
    local after="$1" log="$folder/seeds-after-$1.log" from=$SECONDS passed=true summary
    CAREPASS_TEST_AFTER="$after" CAREPASS_TEST_ROUNDS="$rounds_each" \
        cargo nextest run --features age --profile soak -E "$campaigns" </dev/null >"$log" 2>&1 || passed=false
    summary=$(grep -a 'Summary' "$log" | tail -n 1 | sed 's/.*\] *//; s/"//g' || true)
    entries+=("{\"seeds_after\":$after,\"seconds\":$((SECONDS - from)),\"passed\":$passed,\"summary\":\"${summary:-it did not come so far}\"}")
    if "$passed"; then rm -f "$log"; else failed=$((failed + 1)); fi
    printf '== seeds after %s: passed %s in %d s: %s\n' "$after" "$passed" "$((SECONDS - from))" "$summary"
}

until [ "$SECONDS" -ge "$seconds" ] && [ "${#entries[@]}" -gt 0 ]; do
    # Far from those of CI and from those of the round before.
    round "$((1000000 + (RANDOM << 30 | RANDOM << 15 | RANDOM) * 10))"
    verdict running
done
verdict "$([ "$failed" -eq 0 ] && echo passed || echo failed)"
printf '== %d rounds, %d failed: %s\n' "${#entries[@]}" "$failed" "$folder/verdict.json"
[ "$failed" -eq 0 ]
