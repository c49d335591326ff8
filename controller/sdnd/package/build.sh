#!/bin/bash
# Builds what is handed out, into dist/: static programs, packages for Debian
# and RPM systems, man pages, completions and the folder of the container image,
# for amd64 and arm64. Run by "make dist".
set -euo pipefail
cd "$(dirname "$0")/../../.."
go=${GO:-go}
nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@${NFPM_VERSION:-v2.45.0}
here=controller/sdnd/package

rm -rf dist
mkdir -p dist/man dist/completion dist/image
for arch in amd64 arm64; do
    CGO_ENABLED=0 GOARCH=$arch GOOS=linux \
        $go build -trimpath -buildvcs=auto -ldflags '-s -w' -o dist/bin/$arch/ ./controller/sdnd ./cli/sdnctl
done
host=dist/bin/$($go env GOARCH)
$host/sdnctl man dist/man
$host/sdnd man dist/man
for shell in bash zsh fish; do $host/sdnctl completion $shell > dist/completion/sdnctl.$shell; done

# The unit for /usr/bin, and a configuration file that says nothing by itself:
# the commented reference.
sed 's,/usr/local/bin/sdnd,/usr/bin/sdnd,; /^# systemd unit of sdnd/,/^# \/usr\/local\/bin/d' controller/sdnd/sdnd.service > dist/sdnd.service
sed 's/^[a-z]/#&/' controller/sdnd/sdnd.reference.yaml > dist/sdnd.yaml
cp LICENSE $here/*.sh $here/sdnctl.network $here/sdnctl.rules dist/
rm dist/build.sh
mkdir -p dist/image/root/{var/lib/sdnctl,run/sdnctl,tmp}
cp $here/Dockerfile "$host/sdnd" "$host/sdnctl" dist/image/

version=$($host/sdnctl version --client)
export VERSION=${version#sdnctl v}
for arch in amd64 arm64; do
    for package in sdnd sdnctl; do
        for kind in deb rpm; do
            (cd dist && ARCH=$arch $go run "$nfpm" package --config ../$here/nfpm-$package.yaml --packager $kind --target .)
        done
    done
done
rm dist/LICENSE dist/*.sh dist/sdnctl.network dist/sdnctl.rules
(cd dist && sha256sum ./*.deb ./*.rpm bin/*/* > SHA256SUMS)
ls -l dist
