# Runs in the image's build: makes the folder $1 the root of a system in which one program has all names of names.txt.
set -eu
root=$1

mkdir -p "$root/usr/bin" "$root/usr/local" "$root/etc" "$root/var/lib/openstack" "$root/var/lib/kolla/venv"
install --directory --mode 1777 "$root/tmp"
# Scripts and charts name programs by path, too.
for folder in bin sbin usr/sbin usr/local/bin usr/local/sbin var/lib/openstack/bin var/lib/kolla/venv/bin; do
  ln -s /usr/bin "$root/$folder"
done
cp /nothing "$root/usr/bin/nothing"
sed '/^#/d' names.txt | while read -r name; do ln -s nothing "$root/usr/bin/$name"; done
printf 'root:x:0:0:root:/:/bin/sh\nnothing:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnothing:x:65534:\n' >"$root/etc/group"
