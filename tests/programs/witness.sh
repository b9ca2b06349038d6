# A run that leaves evidence which does not come from multirun: that it was started, that it is alone, that it posted.
# Arguments: the folder of the evidence, its parameter x, how long it takes in hundredths of a second, who posts.
site=$1 x=$2 centis=$3 poster=$4
exec 9>>"$site/alone-$x"
flock -n 9 || echo "$x" >>"$site/overlaps"
echo "$x" >>"$site/starts"
[ -e posted ] && echo "$x" >>"$site/dirty"
[ "$centis" -gt 0 ] && sleep "0.$centis"
if [ "$poster" = python ]; then
    "$PYTHON" -c 'import multirun as m; x = m.getRunParams()["x"]; m.postRunResults({"y": x * x})'
else
    echo "{\"y\": $((x * x))}" >"$MULTIRUN_RESULTS.new" && mv "$MULTIRUN_RESULTS.new" "$MULTIRUN_RESULTS"
fi
: >posted
sleep 0.01
