# Runs in the image's build, as root: makes the folder $1 the root of a system with two programs, sh and python3.
set -eu
root=$1

install --directory "$root/etc" "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64"
install --directory --mode 1777 "$root/tmp"
for folder in bin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done

# Not busybox for sh: Debian's runs its other commands whether they are on PATH or not.
# libgcc-s1, because a thread that ends while Python does would end it with an abort.
apt-get update
apt-get download \
  dash libbz2-1.0 libc6 libexpat1 libffi8 libgcc-s1 liblzma5 libpython3.11-minimal libpython3.11-stdlib \
  libssl3 python3-pymysql python3.11-minimal zlib1g
for package in ./*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$root"
done

mv "$root/usr/bin/dash" "$root/sh"
mv "$root/usr/bin/python3.11" "$root/python3"
rm -rf "${root:?}/usr/bin" "$root/usr/sbin"
install --directory "$root/usr/bin"
mv "$root/sh" "$root/python3" "$root/usr/bin"

# Tables of character sets that Python has itself, and modules that no script asks for or that lack a library.
python=$root/usr/lib/python3.11
rm -rf "$root"/usr/lib/*/gconv "$root/usr/lib/binfmt.d" "$root/usr/lib/valgrind" \
  "$python/curses" "$python/dbm" "$python/ensurepip" "$python/pydoc_data" "$python/sqlite3" "$python/test"
(cd "$python/lib-dynload" && rm _crypt.* _curses.* _curses_panel.* _dbm.* _sqlite3.* _uuid.* nis.* readline.*)
# Of the documentation, the licenses.
find "$root/usr/share" ! -type d ! -name copyright -delete
find "$root/usr/share" -type d -empty -delete

printf 'root:x:0:0:root:/:/bin/sh\nminimal:x:10001:10001::/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nminimal:x:10001:\n' >"$root/etc/group"
# Without it, names in /etc/hosts count only where DNS does not answer.
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"

# A container with a read-only root would compile them at each start.
chroot "$root" python3 -m compileall -q /usr/lib/python3 /usr/lib/python3.11
chroot "$root" python3 -I - <check.py
