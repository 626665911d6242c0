# Shared by deploy/quickstart.sh and tests/run.sh: packages by apt, and building as the person who called.
# Sourced by sh; expects $root, the folder of the sources.

say() {
    printf '== %s\n' "$*"
}

# packages WHEN…: their names from packages.txt.
packages() {
    for when in "$@"; do
        awk -v when="$when" '$1 == when { for (i = 2; i <= NF; i++) print $i }' "$root/deploy/packages.txt"
    done
}

missing_packages() {
    for package in $(packages "$@"); do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# install_packages WHEN…: with apt, only what is not there.
install_packages() {
    command -v dpkg-query >/dev/null || {
        say "No dpkg here: install these yourself: $(packages "$@" | tr '\n' ' ')"
        return 0
    }
    missing=$(missing_packages "$@")
    if [ -z "$missing" ]; then
        say "Packages: all there"
        return 0
    fi
    say "Installing with apt: $missing"
    as_root apt-get update -qq
    # shellcheck disable=SC2086 # a list
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
}

# Runs a command as whoever called sudo, so that the build belongs to them.
as_caller() {
    if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
        sudo -u "$SUDO_USER" -- "$@"
    else
        "$@"
    fi
}
