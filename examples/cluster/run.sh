#!/usr/bin/env bash
# Runs etcd and three gateways of one cluster on this machine, until Ctrl-C. The gateways serve at FIRST_PORT, FIRST_PORT + 1
# and FIRST_PORT + 2; their admin listeners are at FIRST_ADMIN_PORT and the two ports after it.
#
#   FIRST_PORT=8081 FIRST_ADMIN_PORT=9081 ETCD_PORT=2379 PORTCULLIS=portcullis FOLDER=/tmp/portcullis-cluster examples/cluster/run.sh
set -euo pipefail

first_port=${FIRST_PORT:-8081} first_admin_port=${FIRST_ADMIN_PORT:-9081} etcd_port=${ETCD_PORT:-2379}
peer_port=${ETCD_PEER_PORT:-$((etcd_port + 1))}
portcullis=${PORTCULLIS:-portcullis} folder=${FOLDER:-/tmp/portcullis-cluster}

mkdir -p "$folder"
started=()
stop() {
  trap - EXIT INT TERM
  for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
  for process in "${started[@]}"; do wait "$process" 2>/dev/null || true; done
}
trap stop EXIT
trap 'exit 0' INT TERM

ETCD_UNSUPPORTED_ARCH=$(uname -m) etcd --name one --data-dir "$folder/etcd" \
  --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
  --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
  --initial-cluster "one=http://127.0.0.1:$peer_port" >"$folder/etcd.log" 2>&1 &
started+=($!)

# All nodes have the same key file, with which secrets are encrypted before etcd gets them.
"$portcullis" store key --key-file "$folder/cluster.key"

for i in 0 1 2; do
  cat >"$folder/node-$i.yaml" <<EOF
version: 1
node: {id: node-$((i + 1))}
admin: {address: "127.0.0.1:$((first_admin_port + i))"}
store:
  sqlite: $folder/node-$((i + 1)).db
  key_file: $folder/cluster.key
  etcd: {urls: ["http://127.0.0.1:$etcd_port"], prefix: /portcullis/}
listeners: [{name: main, address: "127.0.0.1:$((first_port + i))"}]
EOF
  "$portcullis" run -c "$folder/node-$i.yaml" &
  started+=($!)
done
wait
