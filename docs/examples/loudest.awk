# Where each curve of noise logs is loudest: awk -f loudest.awk FILE.fbe ...
#
# Values are averaged over the files and over zones of the fibre; the loudest zone is set against the middle one.

BEGIN { zone = 100 }

FNR == 1 { columns = 0; files++ }

/<mnemonic>/ {
    gsub(/.*<mnemonic>|<\/mnemonic>.*/, "")
    name[columns++] = $0
}

/<data / {
    gsub(/.*<data [^>]*>|<\/data>.*/, "")
    n = split($0, value, /, */)
    at = int(value[1] / zone)
    seen[at] = 1
    for (c = 2; c <= n; c++)
        if (value[c] != "nan" && value[c] != "-999.25") {
            sum[c, at] += value[c]
            count[c, at]++
        }
}

END {
    if (!columns) {
        print "no curves found" > "/dev/stderr"
        exit 1
    }
    printf "%d logs, %d curves, zones of %d m\n\n", files, columns - 1, zone
    printf "%-18s %16s %12s %12s %8s\n", "curve", "loudest zone", "there", "median", "ratio"
    for (c = 2; c <= columns; c++) {
        zones = 0
        for (at in seen)
            if (count[c, at])
                order[++zones] = at
        if (!zones)
            continue
        sort_by_level(c, zones)
        loudest = order[zones]
        there = level(c, loudest)
        median = level(c, order[int((zones + 1) / 2)])
        ratio = median ? sprintf("%.1f", there / median) : "-"
        printf "%-18s %7d - %4d m %12.4g %12.4g %8s\n", name[c - 1], loudest * zone, (loudest + 1) * zone,
            there, median, ratio
    }
}

function level(c, at) { return sum[c, at] / count[c, at] }

function sort_by_level(c, n,    i, j, moved) {
    for (i = 2; i <= n; i++) {
        moved = order[i]
        for (j = i - 1; j >= 1 && level(c, order[j]) > level(c, moved); j--)
            order[j + 1] = order[j]
        order[j + 1] = moved
    }
}
