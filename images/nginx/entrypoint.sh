#!/bin/sh
# Checks its variables, writes what nginx reads to $TMPDIR/nginx and to nowhere else, and becomes nginx.
#
#   AUTH_MODE       basic: nginx asks for AUTH_USERNAME and AUTH_PASSWORD; gateway: API Gateway has checked the caller
#   AUTH_USERNAME   with basic; without ":", which ends a user name in HTTP
#   AUTH_PASSWORD   with basic; any printable characters, 256 bytes at most
#   AUTH_USERS      with basic: names of more users, separated by spaces (none)
#   GATEWAY_ACCESS  with gateway: how the gateway checks callers, as it says in X-Gateway-Access: jwt, iam, lambda or none
#   DIRECT_CLIENTS  with gateway: trusted lets requests in that did not come through the gateway (refused)
#   ALLOWED_CIDRS   of whom the gateway names as the caller in X-Source-Ip, separated by spaces (all)
#   MLFLOW_PORT     where MLflow listens on 127.0.0.1 (5000)
#   NGINX_LISTEN    port or address:port (8080)
#   TMPDIR          a folder that this user may write to (/tmp)
set -euf # f: a list of names is no list of files
export LC_ALL=C # lengths are bytes, and so are character classes
umask 077
IFS=' ' # what separates the words of a list, and nothing else does

refused=
refuse() {
    printf 'error: %s\n' "$1" >&2
    refused=1
}

shown() { # on one line, whatever is in it
    printf '"%s"' "$(printf '%s' "$1" | tr -c '[:print:]' '?')"
}

is_number() { # TEXT MOST
    case $1 in '' | *[!0-9]* | 0?* | ??????*) return 1 ;; esac
    [ "$1" -le "$2" ]
}

is_port() {
    [ "$1" != 0 ] && is_number "$1" 65535
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

is_ipv4() ( # a subshell, for its IFS
    case $1 in *.) return 1 ;; esac
    IFS=.
    # shellcheck disable=SC2086 # its parts
    set -- $1
    [ $# = 4 ] || return 1
    for part; do is_number "$part" 255 || return 1; done
)

is_ipv6() ( # its form; nginx has the last word
    case $1 in *::*::* | *:::* | :[!:]* | *[!:]:) return 1 ;; esac
    case $1 in *::*) fewest=0 most=9 ;; *) fewest=8 most=8 ;; esac
    IFS=:
    # shellcheck disable=SC2086 # its parts
    set -- $1
    [ $# -ge $fewest ] && [ $# -le $most ] || return 1
    for part; do case $part in *[!0-9A-Fa-f]* | ?????*) return 1 ;; esac done
)

is_cidr() {
    case $1 in
    */*/*) return 1 ;;
    *:*/*) is_ipv6 "${1%/*}" && is_number "${1#*/}" 128 ;;
    */*) is_ipv4 "${1%/*}" && is_number "${1#*/}" 32 ;;
    *) return 1 ;;
    esac
}

is_user() {
    case $1 in [!A-Za-z0-9]* | *[!A-Za-z0-9._@-]*) return 1 ;; esac
    [ ${#1} -le 64 ]
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

check_users() {
    seen=
    for name in $AUTH_USERS; do
        is_user "$name" ||
            refuse "AUTH_USERS contains $(shown "$name"): a name is a letter or digit, and up to 63 more of them and of . _ @ -"
        [ "$name" != "$AUTH_USERNAME" ] || refuse "AUTH_USERS contains $(shown "$name"), which is AUTH_USERNAME: leave it out"
        case $seen in *" $name "*) refuse "AUTH_USERS contains $(shown "$name") twice: name each user once" ;; esac
        seen="$seen $name "
    done
}

check_gateway() {
    case $GATEWAY_ACCESS in
    jwt | iam | lambda | none) ;;
    '') refuse "GATEWAY_ACCESS is missing or empty: with AUTH_MODE=gateway it must be jwt, iam, lambda or none" ;;
    *) refuse "GATEWAY_ACCESS is $(shown "$GATEWAY_ACCESS"): it must be jwt, iam, lambda or none" ;;
    esac
    case $DIRECT_CLIENTS in
    refused | trusted) ;;
    *) refuse "DIRECT_CLIENTS is $(shown "$DIRECT_CLIENTS"): it must be refused or trusted" ;;
    esac
}

check_cidrs() {
    for cidr in $ALLOWED_CIDRS; do
        is_cidr "$cidr" ||
            refuse "ALLOWED_CIDRS contains $(shown "$cidr"): it must be a network, such as 203.0.113.0/24 or 2001:db8::/32"
    done
}

write_htpasswd() {
    write_user "$AUTH_USERNAME" "$AUTH_PASSWORD"
    for name in $AUTH_USERS; do # one secret for all: adding a user changes nobody's password
        password=$(printf '%s:%s' "$name" "$AUTH_PASSWORD" | sha256sum)
        write_user "$name" "${password%% *}"
    done
}

write_user() { # NAME PASSWORD
    # nginx hashes the password of every request, so the hash is a cheap one: apr1 does ten times the requests of
    # sha512-crypt, and a long random password needs no slow one. printf is the shell's own: no command line shows it.
    hash=$(printf '%s\n' "$2" | openssl passwd -apr1 -stdin)
    printf '%s:%s\n' "$1" "$hash"
}

networks() { # the lines of nginx's geo block
    # shellcheck disable=SC2086 # its words
    set -- $ALLOWED_CIDRS
    if [ $# = 0 ]; then
        printf 'default 1;\n'
        return
    fi
    printf '%s 1;\n' "$@"
    # nginx takes a text that is no address for 255.255.255.255, which is nobody's and which 0.0.0.0/0 would let in.
    printf '255.255.255.254/31 "";\n'
}

AUTH_MODE=${AUTH_MODE-}
AUTH_USERNAME=${AUTH_USERNAME-}
AUTH_PASSWORD=${AUTH_PASSWORD-}
AUTH_USERS=${AUTH_USERS-}
GATEWAY_ACCESS=${GATEWAY_ACCESS-}
DIRECT_CLIENTS=${DIRECT_CLIENTS-refused}
ALLOWED_CIDRS=${ALLOWED_CIDRS-}
MLFLOW_PORT=${MLFLOW_PORT-5000}
NGINX_LISTEN=${NGINX_LISTEN-8080}
TMPDIR=${TMPDIR-/tmp}

case $AUTH_MODE in
basic)
    check_credentials
    check_users
    ;;
gateway) check_gateway ;;
'') refuse "AUTH_MODE is missing or empty: it must be basic (nginx asks for a password) or gateway (API Gateway has checked)" ;;
*) refuse "AUTH_MODE is $(shown "$AUTH_MODE"): it must be basic (nginx asks for a password) or gateway (API Gateway has checked)" ;;
esac
check_cidrs
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
    GATEWAY_ACCESS=basic DIRECT_CLIENTS=refused # nobody has checked these two
    write_htpasswd >"$run/htpasswd"
fi
NETWORKS=$(networks)
unset AUTH_USERNAME AUTH_PASSWORD AUTH_USERS password hash

export AUTH_REALM GATEWAY_ACCESS DIRECT_CLIENTS NETWORKS MLFLOW_PORT NGINX_LISTEN
# shellcheck disable=SC2016 # the list of variables to replace; all others are nginx's own
envsubst '${AUTH_REALM} ${GATEWAY_ACCESS} ${DIRECT_CLIENTS} ${NETWORKS} ${MLFLOW_PORT} ${NGINX_LISTEN}' \
    <"${0%/*}/nginx.conf.template" >"$run/nginx.conf"

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
