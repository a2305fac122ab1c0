# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034 # variables are for those who source this file
# Shared by the scripts of this folder, which source it: where the tree is, how to say something,
# and which Debian 12 packages each job needs.

# Where a shell that did not log in as root does not look.
PATH=$PATH:/usr/sbin:/sbin
root=$(cd "$(dirname "$0")/.." && pwd)
build_packages="gcc libc6-dev meson ninja-build pkg-config libdpdk-dev libpcap-dev libyaml-dev
	libjansson-dev libmicrohttpd-dev libcurl4-openssl-dev libsystemd-dev libhyperscan-dev libssl-dev libncurses-dev
	libseccomp-dev"
lab_packages="procps iproute2 ethtool iputils-ping nginx-light curl dnsmasq-base bind9-dnsutils openssl
	redis-server iperf3 dnsperf knot python3 dpdk-dev prometheus tmux"
test_packages="clang libclang-rt-14-dev llvm clang-format clang-tidy cppcheck shellcheck binutils
	libcunit1-dev dpdk python3 groff-base mandoc"

# What lint looks at is all in these; sanitize builds the tests with clang.
programs="app/taptraced/taptraced app/taptrace/taptrace"

say() {
	echo "${0##*/}: $*" >&2
}

fail() {
	say "$*"
	exit 1
}

is_root() {
	[ "$(id -u)" -eq 0 ]
}

# A command whose output matters only when it fails.
quietly() { # COMMAND...
	output=$("$@" 2>&1) && return
	echo "$output" >&2
	return 1
}

is_installed() { # PACKAGE
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Install those of the packages that are missing, and say so.
install_missing() { # PACKAGE...
	missing=
	for package; do
		is_installed "$package" || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null || fail "not a Debian system; install the like of:$missing"
	is_root || fail "packages are missing; as root, run:" \
		"apt-get update && apt-get install --no-install-recommends$missing"
	say "installing$missing"
	# shellcheck disable=SC2086 # a list
	without_starting_services apt_install $missing
}

apt_install() { # PACKAGE...
	export DEBIAN_FRONTEND=noninteractive
	quietly apt-get update
	quietly apt-get install -y --no-install-recommends "$@"
}

# Debian starts a service when its package is installed, unless policy-rc.d forbids it. The lab
# starts its own, in network namespaces.
without_starting_services() ( # COMMAND...
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		trap 'exit 130' INT TERM
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	"$@"
)

# A build folder of the tree, configured once and up to date after each call; only its $targets
# when that is set.
build_in() { # FOLDER COMPILER [MESON OPTION...]
	folder=$1
	compiler=$2
	shift 2
	[ -e "$folder/build.ninja" ] || quietly env CC="$compiler" meson setup "$folder" "$root" "$@"
	# shellcheck disable=SC2086 # a list
	quietly ninja --quiet -C "$folder" ${targets-}
}
