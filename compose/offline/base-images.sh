#!/usr/bin/env bash
# Makes debian:trixie-slim and python:3.13-slim-trixie from Debian packages, for want of an image registry.
# The mirror and additional certificate authorities are the machine's own: what the host trusts, builds trust too.
# Run again, it makes Debian anew only when the host's certificates have changed.
set -euo pipefail
export DOCKER_BUILDKIT=1
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
command -v mmdebstrap >/dev/null || apt-get install -y -qq --no-install-recommends mmdebstrap
trust=$(sha256sum </etc/ssl/certs/ca-certificates.crt | cut -c1-64)

if [ "$(docker image inspect -f '{{index .Config.Labels "host-trust"}}' debian:trixie-slim 2>/dev/null)" != "$trust" ]; then
  sed 's/bookworm/trixie/g' /etc/apt/sources.list.d/debian.sources >"$work/debian.sources"
  cat >"$work/customize.py" <<'P'
# The image trusts what the host was told to trust beyond Debian's own list, and keeps no apt cache.
import pathlib, re, subprocess, sys
root = pathlib.Path(sys.argv[1])
pem = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)
key = lambda c: "".join(c.split())
known = {key(c) for f in pathlib.Path("/usr/share/ca-certificates").rglob("*.crt") for c in pem.findall(f.read_text())}
extra = {key(c): c for c in pem.findall(pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_text()) if key(c) not in known}
for n, cert in enumerate(extra.values()):
    (root / f"usr/local/share/ca-certificates/host-{n}.crt").write_text(cert + "\n")
subprocess.run(["chroot", root, "update-ca-certificates"], check=True, stdout=subprocess.DEVNULL)
(root / "etc/apt/apt.conf.d/docker-clean").write_text(
    'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\n'
    'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache ""; Acquire::Languages "none";\n')
for cache in (root / "var/cache/apt").glob("*.bin"):
    cache.unlink()
P
  mmdebstrap --quiet --variant=minbase --include=ca-certificates \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook="python3 $work/customize.py \"\$1\"" \
    trixie - "$work/debian.sources" |
    docker import -c 'CMD ["bash"]' -c "LABEL host-trust=$trust" \
      -c 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' - debian:trixie-slim
fi

# A virtual environment at /usr/local puts python, pip and site-packages where the official image has them.
docker build --quiet -t python:3.13-slim-trixie - <<'D'
FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv netbase tzdata \
 && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED \
 && python3 -m venv /usr/local
ENV LANG=C.UTF-8
CMD ["python3"]
D
