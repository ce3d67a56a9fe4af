#!/usr/bin/env bash
# Makes the replica set and the service's user, once; run again, it finds both and is done.
set -euo pipefail

password="$(cat /run/secrets/mongo_password)"

until mongosh --quiet --eval 'db.adminCommand("ping").ok' >/dev/null 2>&1; do sleep 1; done

if mongosh --quiet "mongodb://baton:${password}@mongo1,mongo2,mongo3/baton?replicaSet=baton" --eval 'db.runCommand("ping").ok' >/dev/null 2>&1; then
    exit 0
fi

mongosh --quiet --eval '
  try { rs.status() } catch (absent) {
    rs.initiate({_id: "baton", members: [1, 2, 3].map(n => ({_id: n, host: `mongo${n}:27017`, priority: n === 1 ? 2 : 1}))})
  }
' || true

until mongosh --quiet --eval 'quit(db.hello().isWritablePrimary ? 0 : 1)'; do sleep 1; done

BATON_PASSWORD="${password}" mongosh --quiet --eval '
  db.getSiblingDB("baton").createUser({
    user: "baton", pwd: process.env.BATON_PASSWORD, roles: [{role: "dbOwner", db: "baton"}]
  })
'
