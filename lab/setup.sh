# shellcheck shell=bash
# Set-up that lab/first-swarm, tests/run and .ci/run share; sourced, not run. Safe to use again and again: what is there
# stays as it is, and nothing is asked of the network when nothing is missing.
#
#   swarm_packages SECTION...   installs what .ci/packages.txt lists under these headings and is not installed yet
#   swarm_build PRESET [TARGET...]   configures and builds; quiet unless it fails; the log is build/PRESET/build.log
# Both end the script with code 3 when they cannot do their work.

swarm_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

swarm_fail() {
    printf '%s\n' "$@" >&2
    exit 3
}

swarm_listed() { # SECTION...: the packages of these sections
    local section
    for section in "$@"; do
        awk -v want="[$section]" '/^# \[/ { on = ($2 == want) } !/^#/ && NF && on { print $1 }' \
            "$swarm_root/.ci/packages.txt"
    done
}

swarm_missing() { # PACKAGE...: those of them that are not installed
    local package status
    for package in "$@"; do
        status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=
        [ "$status" = installed ] || printf '%s\n' "$package"
    done
}

swarm_packages() {
    command -v dpkg-query >/dev/null ||
        swarm_fail "This needs Debian 12 or one of its relatives (no dpkg-query here). Wanted: $(swarm_listed "$@" | tr '\n' ' ')"
    local -a wanted missing as_root=()
    mapfile -t wanted < <(swarm_listed "$@" | sort -u)
    mapfile -t missing < <(swarm_missing "${wanted[@]}")
    [ ${#missing[@]} -gt 0 ] || return 0

    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            as_root=(sudo -n)
        elif command -v sudo >/dev/null && [ -t 0 ] && [ -z "${CI:-}" ]; then
            echo "Some packages are missing: ${missing[*]}; sudo may ask for your password." >&2
            as_root=(sudo)
        else
            swarm_fail "These packages are missing, and installing them needs root or sudo:" "" \
                "    apt-get install --no-install-recommends ${missing[*]}" ""
        fi
    fi
    echo "Installing ${#missing[@]} packages: ${missing[*]}" >&2
    swarm_apt update || echo "apt-get update failed; trying with the package lists that are here." >&2
    swarm_apt install -y --no-install-recommends "${missing[@]}" ||
        swarm_fail "Installing failed (see above). By hand:" "" \
            "    apt-get update && apt-get install --no-install-recommends ${missing[*]}" ""
    swarm_stop_services "${missing[@]}"
}

swarm_apt() { # runs apt-get as root (as_root comes from the caller), its output shown only when it fails
    local log
    log=$(mktemp)
    if "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" \
        </dev/null >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 25 "$log" >&2
    rm -f "$log"
    return 1
}

# Some test packages bring a system service, which we neither need nor want to leave running on somebody's machine.
swarm_stop_services() {
    [ -d /run/systemd/system ] || return 0
    local package
    for package in "$@"; do
        case $package in
            opentracker | transmission-daemon)
                "${as_root[@]}" systemctl disable --now "$package" >/dev/null 2>&1 || true ;;
            slurm-wlm)
                "${as_root[@]}" systemctl disable --now slurmctld slurmd >/dev/null 2>&1 || true ;;
        esac
    done
}

swarm_jobs() { # as many compilers as there are processors, and 1 GiB of free memory for each
    local cpus memory
    cpus=$(nproc)
    memory=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
    [ "${memory:-0}" -ge 1 ] || memory=1
    echo $((cpus < memory ? cpus : memory))
}

swarm_build() {
    local preset=$1
    shift
    local folder=$swarm_root/build/$preset
    mkdir -p "$folder"
    # One build of a folder at a time: two of these scripts side by side wait for each other.
    (
        cd "$swarm_root" || exit 3
        flock 9
        if ! cmake --preset "$preset" >"$folder/configure.log" 2>&1; then
            cat "$folder/configure.log" >&2
            exit 3
        fi
        echo "Building ($preset) ..." >&2
        NINJA_STATUS='[%f/%t] ' swarm_ninja "$folder" "$@" 9>&-
    ) 9>"$folder/.lock" || swarm_fail "The build ($preset) failed; its whole output is in $folder/build.log"
}

swarm_tenths() { # "[13/120] ..." lines in, one line per tenth of longer builds out (mawk would hold its input back)
    local line finished all last=0
    while IFS= read -r line; do
        [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
        finished=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]}
        if ((all >= 20 && 10 * finished / all > last)); then
            ((last = 10 * finished / all))
            echo "  $finished of $all steps"
        fi
    done
}

swarm_ninja() { # FOLDER [TARGET...]: a line per tenth of the work; the end of the log when it fails
    local folder=$1
    shift
    ninja -C "$folder" -j "$(swarm_jobs)" "$@" 2>&1 | tee "$folder/build.log" | swarm_tenths >&2
    local status=${PIPESTATUS[0]}
    [ "$status" -eq 0 ] || { grep -v '^\[' "$folder/build.log" | tail -n 60 >&2; return "$status"; }
}
