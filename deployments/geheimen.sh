#!/bin/sh
# Make every secret of compose.yaml, one file each, in deployments/geheimen. What is there stays. A variable goes before
# a random value, for who had his secrets in compose.env:  set -a; . deployments/compose.env; set +a; deployments/geheimen.sh
set -eu
cd "$(dirname "$0")"
# Only the owner comes into the folder; a container that gets a file of it may read that, whoever it runs as.
[ -d geheimen ] || mkdir -m 700 geheimen

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # name, value
  [ -s "geheimen/$1" ] && return
  rm -f "geheimen/$1"
  printf '%s' "$2" >"geheimen/$1"
  chmod 444 "geheimen/$1"
}

keep POSTGRES_PASSWORD "${POSTGRES_PASSWORD:-$(random)}"
keep POSTGRES_PREFECT_PASSWORD "${POSTGRES_PREFECT_PASSWORD:-$(random)}"
keep POSTGRES_OWNER_PASSWORD "${POSTGRES_OWNER_PASSWORD:-$(random)}"
keep POSTGRES_SERVICE_PASSWORD "${POSTGRES_SERVICE_PASSWORD:-$(random)}"
keep REDIS_PASSWORD "${REDIS_PASSWORD:-$(random)}"
keep GRAFANA_PASSWORD "${GRAFANA_PASSWORD:-$(random)}"
keep ROUTEKAART_PERSON_KEY "${ROUTEKAART_PERSON_KEY:-$(random)}"
keep ROUTEKAART_LINK_KEY "${ROUTEKAART_LINK_KEY:-$(random)}"
keep ROUTEKAART_INTEGRATION_KEY "${ROUTEKAART_INTEGRATION_KEY:-$(random)}"
keep PREFECT_API_AUTH_STRING "${PREFECT_API_AUTH_STRING:-routekaart:$(random)}"
# Where there is none they stay empty, and count for nothing.
keep PROMETHEUS_KEY "${PROMETHEUS_KEY:-}"
keep ROUTEKAART_OIDC_CLIENT_SECRET "${ROUTEKAART_OIDC_CLIENT_SECRET:-}"
keep ROUTEKAART_PROXY_SECRET "${ROUTEKAART_PROXY_SECRET:-}"

address() { # start, secret, end
  printf '%s' "$1:$(cat "geheimen/$2")@$3"
}
keep OWNER_DATABASE_URL "$(address postgresql://routekaart_eigenaar POSTGRES_OWNER_PASSWORD postgres:5432/zaken)"
keep ROUTEKAART_DATABASE_URL "$(address postgresql://routekaart_dienst POSTGRES_SERVICE_PASSWORD postgres:5432/zaken)"
keep PREFECT_SERVER_DATABASE_CONNECTION_URL \
  "$(address postgresql+asyncpg://prefect POSTGRES_PREFECT_PASSWORD postgres:5432/prefect)"
keep PREFECT_REDIS_MESSAGING_URL "$(address redis:// REDIS_PASSWORD redis:6379/0)"
keep PREFECT_SERVER_DOCKET_URL "$(address redis:// REDIS_PASSWORD redis:6379/1)"
