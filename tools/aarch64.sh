#!/usr/bin/env bash
# Puts an aarch64 Python with NumPy into a folder: Debian's own packages, unpacked and not
# installed, and the wheels of the lock. QEMU runs it (tests/golden/test_exact_elsewhere.py).
# usage: aarch64.sh FOLDER UV
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
uv=$2
constraints=$(cd "$(dirname "$0")/.." && pwd)/requirements/demo.txt

# The machine's own lists know its own processor only; these are kept in the folder.
mkdir -p "$folder"/{lists,cache/archives,packages}/partial "$folder"/{system,site}
apt=(
  -o "APT::Architectures::=$(dpkg --print-architecture)" -o APT::Architectures::=arm64
  -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache"
  -o Acquire::Languages=none -o APT::Sandbox::User=root
)
only=(--no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances)
apt-get "${apt[@]}" update -qq
wanted=(python3-minimal:arm64 libpython3-stdlib:arm64 libstdc++6:arm64)
mapfile -t all < <(
  apt-cache "${apt[@]}" depends --recurse "${only[@]}" "${wanted[@]}" | grep '^[a-z].*:arm64$' | sort -u
)
(cd "$folder/packages" && apt-get "${apt[@]}" download -qq "${all[@]}")
for package in "$folder"/packages/*.deb; do
  dpkg --extract "$package" "$folder/system"
done

python=$(readlink "$folder/system/usr/bin/python3")
"$uv" pip install --quiet --no-deps --only-binary :all: --target "$folder/site" \
  --python-platform aarch64-manylinux_2_28 --python-version "${python#python}" \
  --constraint "$constraints" numpy tflite flatbuffers
rm -rf "$folder"/{lists,cache,packages}
