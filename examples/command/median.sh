#!/bin/sh
# A model kind in POSIX shell: a series' median, and a band of so many times its median deviation.
#
#     models: {top: {kind: command, argv: [./median.sh], width: 6}}
#
# Protocol: docs/models.md, section command: one JSON object on one line each, without blanks between its parts, so sed finds
# what is needed. A shell reads byte by byte: for short series.

number() { # NAME: the value of a number or of a text that is a number
    printf '%s\n' "$line" | sed -n "s/.*[{,]\"$1\":\"\{0,1\}\([-0-9.eE+]*\).*/\1/p"
}

values() { # one a line, without missing ones
    printf '%s\n' "$line" | sed -n 's/.*[{,]"values":\[\([^]]*\)\].*/\1/p' | tr ',' '\n' | grep -v null
}

median() {
    sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.17g\n", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

fit() {
    middle=$(values | median)
    if [ -z "$middle" ]; then
        printf '{"id":%s,"error":"NOT_ENOUGH_DATA","message":"no value at all"}\n' "$id"
        return
    fi
    spread=$(values | awk -v m="$middle" '{ d = $1 - m; printf "%.17g\n", d < 0 ? -d : d }' | median)
    printf '{"id":%s,"model":{"median":%s,"spread":%s,"width":%s}}\n' "$id" "$middle" "$spread" "$width"
}

score() {
    printf '%s\n' "$line" | sed -n 's/.*[{,]"values":\[\([^]]*\)\].*/\1/p' | awk -F, -v id="$id" -v m="$(number median)" \
        -v s="$(number spread)" -v w="$(number width)" '
        function list(name, value,   i) {
            printf ",\"%s\":[", name
            for (i = 1; i <= NF; i++)
                printf "%s%.17g", (i == 1 ? "" : ","), value
            printf "]"
        }
        { printf "{\"id\":%s", id; list("expected", m); list("lower", m - w * s); list("upper", m + w * s); print "}" }'
}

IFS= read -r line # init
width=$(number width)
width=${width:-6}
printf '{"type":"ready","protocol":1,"can":["fit","score"]}\n'
while IFS= read -r line; do
    id=$(number id)
    case $line in
    '{"type":"fit"'*) fit ;;
    '{"type":"score"'*) score ;;
    *) exit 0 ;; # end
    esac
done
