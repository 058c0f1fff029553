#!/bin/sh
# The node's file system, then the cluster's own images into its containerd.
set -eu
. "$SHARED/docker.sh"
. "$SHARED/versions.sh"
export DOCKER_BUILDKIT=0 # Debian's client has no other builder
kubernetes=$NEED_KUBERNETES/kubernetes
base=${IMAGE%:*}-base:$KEY
stage=${IMAGE%:*}-stage
container=osh-conformance-node-image-$KEY

# Whatever happens, the engine keeps the result and no step towards it.
tidy() {
  docker rm --force "$container"
  # shellcheck disable=SC2046 # one word an image
  docker rmi $(cat references) "$stage-kubernetes:$KEY" "$stage-etcd:$KEY" \
    "$stage-coredns:$KEY" "$stage-pause:$KEY" "$base"
}
trap 'tidy >/dev/null 2>&1 || true' EXIT
trap 'exit 143' HUP INT TERM

ln -s "$kubernetes" kubeadm
version=$(./kubeadm version --output short)
./kubeadm config images list --kubernetes-version "$version" >references
reference() { grep "/$1:" references; }

mkdir -p root/usr/bin root/usr/local/bin root/opt/cni/bin root/etc/kubernetes/manifests
cp -R "$NEED_KIND/node/." "$RECIPE/files/." root/
rm root/kind/bin/mount-product-files.sh # costs a shell and a jq for each container
chmod 755 root/kind/bin/* root/usr/local/bin/*
sed -i "s|PAUSE|$(reference pause)|" root/etc/containerd/config.toml
printf '%s' "$version" >root/kind/version
cp "$kubernetes" "$NEED_KUBECTL/kubectl" root/usr/bin/
ln -s kubernetes root/usr/bin/kubeadm
ln -s kubernetes root/usr/bin/kubelet
cp "$NEED_CONTAINERD"/* "$NEED_CRICTL/crictl" root/usr/local/bin/
cp "$NEED_CNI"/* root/opt/cni/bin/
cp "$RECIPE/Dockerfile" "$RECIPE/runtimes.sh" .
(IMAGE=$base && build_image)
for runtime in runc crun; do
  note_version "$runtime" docker run --rm --network none "$base" "$runtime" --version
done

# One image serves under the names of all Kubernetes programs, so that the
# node stores and unpacks it once.
mkdir -p images/kubernetes images/etcd/usr/local/bin images/coredns images/pause
docker run --rm --interactive --network none "$base" sh -s <"$RECIPE/firewall.sh" >firewall.tar
tar --extract --file firewall.tar --directory images/kubernetes
mkdir -p images/kubernetes/usr/local/bin
cp "$kubernetes" images/kubernetes/usr/local/bin/
for program in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do
  ln -s kubernetes "images/kubernetes/usr/local/bin/$program"
done
cp "$NEED_ETCD/etcd" images/etcd/usr/local/bin/
cp "$NEED_COREDNS/coredns" images/coredns/
cp "$NEED_PAUSE/pause" images/pause/

path='ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
import() {
  tar --create --directory "images/$1" --owner 0 --group 0 --sort name . |
    docker import --change "$path" --change "$2" - "$stage-$1:$KEY"
}
import kubernetes 'CMD ["kube-apiserver"]'
import etcd 'CMD ["etcd"]'
import coredns 'ENTRYPOINT ["/coredns"]'
import pause 'ENTRYPOINT ["/pause"]'

while read -r reference; do
  name=${reference##*/}
  case ${name%%:*} in
  kube-*) image=kubernetes ;;
  *) image=${name%%:*} ;;
  esac
  docker tag "$stage-$image:$KEY" "$reference"
done <references
# shellcheck disable=SC2046 # one word a reference
docker save --output images.tar $(cat references)

docker rm --force "$container" >/dev/null 2>&1 || true
docker run --name "$container" --network none --security-opt seccomp=unconfined --tmpfs /run \
  --interactive --volume "$PWD/images.tar:/mnt/images.tar:ro" "$base" sh -s <"$RECIPE/import.sh"
docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' \
  "$container" "$IMAGE"
docker save --output "$OUT/image.tar" "$IMAGE"
cp "$RECIPE/kind-config.yaml" "$OUT/"
