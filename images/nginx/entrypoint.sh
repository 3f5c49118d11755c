#!/bin/sh
# Checks its variables, writes what nginx reads to $TMPDIR/nginx and to nowhere else, and becomes nginx.
#
#   AUTH_MODE       basic: nginx asks for AUTH_USERNAME and AUTH_PASSWORD; gateway: API Gateway has checked the caller
#   AUTH_USERNAME   with basic; without ":", which ends a user name in HTTP
#   AUTH_PASSWORD   with basic; any printable characters, 256 bytes at most
#   MLFLOW_PORT     where MLflow listens on 127.0.0.1 (5000)
#   NGINX_LISTEN    port or address:port (8080)
#   TMPDIR          a folder that this user may write to (/tmp)
set -eu
export LC_ALL=C # lengths are bytes, and so are character classes
umask 077

refused=
refuse() {
    printf 'error: %s\n' "$1" >&2
    refused=1
}

shown() { # on one line, whatever is in it
    printf '"%s"' "$(printf '%s' "$1" | tr -c '[:print:]' '?')"
}

is_port() {
    case $1 in '' | *[!0-9]* | 0* | ??????*) return 1 ;; esac
    [ "$1" -le 65535 ]
}

is_listen() {
    case $1 in
    *:*)
        # nginx itself says which addresses there are
        case ${1%:*} in '' | *[!][0-9A-Za-z.:-]*) return 1 ;; esac
        is_port "${1##*:}"
        ;;
    *) is_port "$1" ;;
    esac
}

is_writable_folder() {
    case $1 in /*) [ -d "$1" ] && [ -w "$1" ] ;; *) return 1 ;; esac
}

check_credentials() {
    case $AUTH_USERNAME in
    '') refuse "AUTH_USERNAME is missing or empty: with AUTH_MODE=basic it is the user name that nginx asks for" ;;
    '#'*) refuse 'AUTH_USERNAME begins with "#", which is a comment in an htpasswd file: choose another name' ;;
    *:*) refuse 'AUTH_USERNAME contains ":", which ends a user name in HTTP: choose another name' ;;
    *[[:cntrl:]]*) refuse "AUTH_USERNAME contains a line break or another control character: only printable ones are allowed" ;;
    esac
    case $AUTH_PASSWORD in
    '') refuse "AUTH_PASSWORD is missing or empty: with AUTH_MODE=basic it is the password that nginx asks for" ;;
    *[[:cntrl:]]*) refuse "AUTH_PASSWORD contains a line break or another control character: only printable ones are allowed" ;;
    esac
    if [ ${#AUTH_PASSWORD} -gt 256 ]; then # openssl would cut it off, and nobody could log in
        refuse "AUTH_PASSWORD has ${#AUTH_PASSWORD} bytes: at most 256 are allowed"
    fi
}

AUTH_MODE=${AUTH_MODE-}
AUTH_USERNAME=${AUTH_USERNAME-}
AUTH_PASSWORD=${AUTH_PASSWORD-}
MLFLOW_PORT=${MLFLOW_PORT-5000}
NGINX_LISTEN=${NGINX_LISTEN-8080}
TMPDIR=${TMPDIR-/tmp}

case $AUTH_MODE in
basic) check_credentials ;;
gateway) ;;
'') refuse "AUTH_MODE is missing or empty: it must be basic (nginx asks for a password) or gateway (API Gateway has checked)" ;;
*) refuse "AUTH_MODE is $(shown "$AUTH_MODE"): it must be basic (nginx asks for a password) or gateway (API Gateway has checked)" ;;
esac
is_port "$MLFLOW_PORT" || refuse "MLFLOW_PORT is $(shown "$MLFLOW_PORT"): it must be a port, 1 to 65535"
is_listen "$NGINX_LISTEN" ||
    refuse "NGINX_LISTEN is $(shown "$NGINX_LISTEN"): it must be a port, 1 to 65535, or address:port, such as 127.0.0.1:8080"
is_writable_folder "$TMPDIR" ||
    refuse "TMPDIR is $(shown "$TMPDIR"): it must be the absolute path of a folder that user $(id -u) may write to"
[ -z "$refused" ] || exit 1

run=$TMPDIR/nginx
mkdir -p "$run"
chmod 0700 "$run"

AUTH_REALM=off
if [ "$AUTH_MODE" = basic ]; then
    AUTH_REALM=MLflow
    # nginx hashes the password of every request, so the hash is a cheap one: apr1 does ten times the requests of
    # sha512-crypt, and a long random password needs no slow one. printf is the shell's own: no command line shows it.
    hash=$(printf '%s\n' "$AUTH_PASSWORD" | openssl passwd -apr1 -stdin)
    printf '%s:%s\n' "$AUTH_USERNAME" "$hash" >"$run/htpasswd"
fi
unset AUTH_USERNAME AUTH_PASSWORD

export AUTH_REALM MLFLOW_PORT NGINX_LISTEN
# shellcheck disable=SC2016 # the list of variables to replace; all others are nginx's own
envsubst '${AUTH_REALM} ${MLFLOW_PORT} ${NGINX_LISTEN}' <"${0%/*}/nginx.conf.template" >"$run/nginx.conf"

# nginx opens its log by name. Container engines give stdout to the container's user; where nobody did, or where it is
# a socket, cat passes the lines on.
if ! (: >>/dev/stdout) 2>/dev/null; then
    rm -f "$run/stdout"
    mkfifo "$run/stdout"
    cat <"$run/stdout" &
    exec >"$run/stdout"
fi

# The prefix makes $run the place of every relative path in the configuration.
set -- nginx -e stderr -p "$run/" -c "$run/nginx.conf"
if [ "$(id -u)" = 0 ]; then
    set -- "$@" -g 'user root;' # on a developer's machine; another user could not enter $run. The image is never root.
fi
"$@" -q -t
exec "$@"
