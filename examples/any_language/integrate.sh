#!/bin/sh
# The program of one run: integrates exp(-x*x) from -bound to bound by Simpson's rule.
#
# It needs only a POSIX shell and awk. What multirun asks of a program, in any language:
#   - its parameters are a JSON object in the file "$MULTIRUN_PARAMS";
#   - its results, if it has any, go to the file "$MULTIRUN_RESULTS" as JSON;
#   - it ends with exit status 0 when all is well.
set -eu
LC_ALL=C # a decimal point everywhere
export LC_ALL

# Renaming is atomic: whoever looks finds all of the results or none.
unfinished="$MULTIRUN_RESULTS.unfinished"

awk '
# Good enough for a flat object of numbers; text or nested objects need a real JSON parser.
function number(name) {
    if (!match(json, "\"" name "\"[ \t\n]*:[ \t\n]*-?[0-9][-+.0-9eE]*")) {
        print "integrate.sh: the parameters have no number called " name | "cat 1>&2"
        exit 1
    }
    value = substr(json, RSTART, RLENGTH)
    sub(/.*[: \t\n]/, "", value)
    return value + 0
}

function f(x) { return exp(-x * x) }

{ json = json $0 "\n" }

END {
    bound = number("bound")
    steps = number("steps")
    width = 2 * bound / steps
    sum = f(-bound) + f(bound)
    for (i = 1; i < steps; i++) sum += (i % 2 ? 4 : 2) * f(i * width - bound)
    printf "{\"integral\": %.15g, \"width\": %.15g}\n", sum * width / 3, width
}
' "$MULTIRUN_PARAMS" > "$unfinished"

mv "$unfinished" "$MULTIRUN_RESULTS"
