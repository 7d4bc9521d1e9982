#!/bin/sh
# Packs the commit that is checked out as a release into var/release: ./release.sh 1.0.0
# `make release` also makes the SBOM before. Every archive is made from the commit alone, so that the same commit gives
# the same bytes.
set -eu
cd "$(dirname "$0")"
version=$1
name=tweakwise-webhooks-$version
out=var/release

refuse() {
    echo "Not released: $1" >&2
    exit 1
}

[ -z "$(git status --porcelain)" ] || refuse "there are changes that are not committed."
head -n 20 CHANGELOG.md | grep -qE "^## \[$version\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" \
    || refuse "CHANGELOG.md does not begin with \"## [$version] - <year>-<month>-<day>\"."
tagged=$(git rev-parse --quiet --verify "refs/tags/v$version^{commit}" || true)
[ -z "$tagged" ] || [ "$tagged" = "$(git rev-parse HEAD)" ] || refuse "v$version is the tag of another commit."
[ -f var/sbom.json ] || refuse "var/sbom.json is missing: make sbom."

rm -rf "$out"
mkdir -p "$out"
git archive --format=tar.gz --prefix="$name/" --output="$out/$name.tar.gz" HEAD
packed() { git archive --format=zip --prefix="$1/" --output="$out/$2-$version.zip" "HEAD:storefront/$3"; }
packed tweakwise-webhooks tweakwise-webhooks-wordpress woocommerce/tweakwise-webhooks
packed tweakwise-shopify tweakwise-webhooks-shopify shopify
packed TweakwiseEvents tweakwise-webhooks-shopware shopware/TweakwiseEvents # make-app fills in a shop's address
cp var/sbom.json "$out/$name.cdx.json"
(cd "$out" && { sha256sum -- * 2> /dev/null || shasum -a 256 -- *; } > ../SHA256SUMS && mv ../SHA256SUMS .)
echo "$out:"
ls "$out"
