#!/bin/sh
# Removes from a Debian what installs software, changes users or runs with another user's rights, and all libraries that nothing
# needs then: a process in the container finds no such tool, and scanners find fewer packages to report. What stays is in
# /var/lib/dpkg/status, where scanners look, and in debian-packages.txt. Runs as root in a build stage, and only there.
set -eu

# The shell, coreutils, findutils, grep, sed and tar stay: `kubectl cp` runs tar, the others are for a look into a container.
# ca-certificates and tzdata are data here.
tools="adduser apt base-passwd bash bsdutils debconf debian-archive-keyring debianutils diffutils e2fsprogs gpgv gzip hostname
init-system-helpers login logsave mawk mount ncurses-base ncurses-bin openssl passwd perl-base sysvinit-utils util-linux
util-linux-extra usr-is-merged"
# Packages that are in the image for their own sake. A driver of the host links these libraries.
wanted="libegl1 libvulkan1 libx11-6 libxext6 mesa-vulkan-drivers"
list=/usr/share/doc/distpy-gpu/debian-packages.txt

purge() {
    # Scripts of packages would ask tools that are gone.
    rm -f /var/lib/dpkg/info/*.prerm /var/lib/dpkg/info/*.postrm
    dpkg --force-depends --force-remove-essential --force-remove-protected --force-bad-path --purge "$@" >/dev/null 2>&1
}

# Libraries and their data that no package depends on.
orphans() {
    dpkg-query -W -f '${Pre-Depends},${Depends}\n' | tr ',|' '\n\n' | sed 's/^ *//; s/[ (:].*//' | sort -u >/tmp/needed
    for package in $wanted; do echo "$package"; done >>/tmp/needed
    dpkg-query -W -f '${Package}\n' | grep -E '^(lib|gcc-)' | grep -vxFf /tmp/needed | grep -vx libc-bin || true
}

installed=
for package in $tools; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ] || installed="$installed $package"
done
# Unquoted, as in the loop below: these are lists.
purge $installed
# The library that remembers no dependent of its own goes first, those that it needed in the next round.
while unneeded=$(orphans) && [ -n "$unneeded" ]; do
    purge $unneeded
done

mkdir -p "${list%/*}"
dpkg-query -W | grep -v '^dpkg[[:space:]]' >"$list"
# dpkg cannot remove itself.
sed -i '/^Package: dpkg$/,/^$/d' /var/lib/dpkg/status
while read -r file; do
    [ -d "$file" ] || rm -f "$file"
done </var/lib/dpkg/info/dpkg.list
mv /var/lib/dpkg/status /tmp/status
rm -rf /var/lib/dpkg /var/lib/apt /var/lib/pam /var/lib/shells.state /var/lib/systemd /var/cache/* /var/log/* /var/backups/* \
    /etc/apt /etc/dpkg /etc/alternatives /etc/cron.daily /etc/default /etc/init.d /etc/pam.d /etc/rc?.d /etc/security /etc/skel /etc/systemd \
    /usr/lib/apt /usr/lib/dpkg /usr/libexec/dpkg /usr/share/dpkg /usr/share/doc/dpkg /usr/share/debconf /usr/share/perl* \
    /usr/share/bash-completion /usr/share/bug /usr/share/lintian /tmp/needed
mkdir /var/lib/dpkg
mv /tmp/status /var/lib/dpkg/status
find /usr/share/doc -type f ! -name copyright ! -path '*/distpy-gpu/*' -delete
# Links to what is gone.
find /etc /usr -xdev -xtype l -delete
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
find / -xdev -type d -perm /2000 -exec chmod g-s {} +
ldconfig
rm -f /var/cache/ldconfig/aux-cache
