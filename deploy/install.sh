#!/bin/sh
# Installs Latchkey as a systemd service, or upgrades it. Run it as root in a clone of the repository; --help says more.
set -eu
umask 022
unset CDPATH

usage() {
  cat <<'END'
Usage: deploy/install.sh [options]

Builds Latchkey in this clone and installs it as a systemd service. The first run makes the user latchkey, a pepper, a master key and
/etc/latchkey/latchkey.env. A later run upgrades the program and restarts it; secrets and settings stay as they are.

  --issuer URL              public URL of the service, such as https://auth.example.com (or LATCHKEY_ISSUER)
  --smtp-url-file FILE      file that holds the URL of the mail server:
                            smtp://user:password@mail.example.com:587?from=codes@example.com (or LATCHKEY_SMTP_URL_FILE)
  --sms-url-file FILE       file that holds the URL of the carrier of SMS (or LATCHKEY_SMS_URL_FILE); likewise --whatsapp-url-file,
                            --voice-url-file and --ussd-url-file. Several carriers of one channel: one URL a line.
  --database-url-file FILE  file that holds the URL of a PostgreSQL database (or LATCHKEY_DATABASE_URL_FILE); SQLite without it
  --no-build                install the program that was built here before
  --root DIR                install files below DIR; make no user and start no service
  --help                    print this

The first run needs an issuer and a carrier, such as a mail server. It asks for what is missing if it runs at a terminal.
END
}

# absolute <path>: the script changes its folder later.
absolute() {
  case $1 in
    '' | /*) echo "$1" ;;
    *) echo "$PWD/$1" ;;
  esac
}

issuer=${LATCHKEY_ISSUER-}
smtp_file=${LATCHKEY_SMTP_URL_FILE-}
sms_file=${LATCHKEY_SMS_URL_FILE-}
whatsapp_file=${LATCHKEY_WHATSAPP_URL_FILE-}
voice_file=${LATCHKEY_VOICE_URL_FILE-}
ussd_file=${LATCHKEY_USSD_URL_FILE-}
database_file=${LATCHKEY_DATABASE_URL_FILE-}
root=
build=yes
is_new=no
while [ $# -gt 0 ]; do
  case $1 in
    --help) usage && exit ;;
    --no-build) build=no && shift ;;
    --issuer | --smtp-url-file | --sms-url-file | --whatsapp-url-file | --voice-url-file | --ussd-url-file | --database-url-file | --root)
      if [ $# -lt 2 ] || [ -z "$2" ]; then
        echo "$1 needs a value; see deploy/install.sh --help." >&2
        exit 64
      fi
      case $1 in
        --issuer) issuer=$2 ;;
        --smtp-url-file) smtp_file=$2 ;;
        --sms-url-file) sms_file=$2 ;;
        --whatsapp-url-file) whatsapp_file=$2 ;;
        --voice-url-file) voice_file=$2 ;;
        --ussd-url-file) ussd_file=$2 ;;
        --database-url-file) database_file=$2 ;;
        --root) root=$(absolute "${2%/}") ;;
      esac
      shift 2
      ;;
    *)
      # Not repeated: it may be a secret.
      echo "An argument is no option of install.sh; see deploy/install.sh --help. Write a space between an option and its value." >&2
      echo "URLs with passwords go into files, never on the command line: change a password that you typed here." >&2
      exit 64
      ;;
  esac
done
issuer=${issuer%/}

clone=$(cd "$(dirname "$0")/.." && pwd)
opt=$root/opt/latchkey
etc=$root/etc/latchkey
data=$root/var/lib/latchkey
units=$root/etc/systemd/system

problems=
problem() {
  problems="$problems
- $*"
}

has() { command -v "$1" > /dev/null 2>&1; }

# system <command…>: what changes more than files.
system() {
  if [ -z "$root" ]; then "$@"; else echo "left out because of --root: $*"; fi
}

ask() {
  printf '%s: ' "$1" >&2
  IFS= read -r answer || echo >&2
  echo "$answer"
}

# The service looks for Node in the PATH of latchkey.env, by default in /usr/bin.
node_path=
[ ! -r "$etc/latchkey.env" ] || node_path=$(sed -n 's/^PATH=//p' "$etc/latchkey.env" | tail -n 1)
path_line=
if [ -z "$node_path" ]; then
  node_path=/usr/bin:/bin
  if [ ! -x /usr/bin/node ] && has node; then
    node_path=$(dirname "$(command -v node)"):$node_path
    path_line="PATH=$node_path"
  fi
fi
node=$(PATH=$node_path command -v node || true)

check_machine() {
  if [ -z "$node" ]; then
    problem "Node.js is missing. Install Node.js 24 as /usr/bin/node."
  elif ! "$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
    problem "$node is Node.js $("$node" --version), which is too old: the service needs 20.19. Install Node.js 24."
  else
    # With --root the files are installed for another machine.
    case ${root:+elsewhere}$node in
      /root/* | /home/*) problem "$node is in a home folder, which the service can't read. Install Node.js 24 as /usr/bin/node." ;;
    esac
  fi
  if [ $build = yes ]; then
    has npm || problem "npm is missing. Install it with Node.js 24."
  elif [ ! -e "$clone/dist/latchkey" ] || [ ! -e "$clone/node_modules" ]; then
    problem "Nothing was built here yet. Leave out --no-build."
  fi
  [ -z "$root" ] || return 0
  [ "$(id -u)" -eq 0 ] || problem "This needs root. Run it again as root, for example with sudo."
  for program in useradd runuser; do
    has "$program" || problem "$program is missing. Install the package that has it (on Debian: passwd, util-linux)."
  done
  if [ ! -d /run/systemd/system ]; then
    problem "systemd does not run this machine. Run Latchkey as a container instead: docs/containers.md."
  else
    version=$(systemctl --version | sed -n 's/^systemd \([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 250 ] || problem "systemd is version ${version:-unknown}, but the service needs 250 or later."
  fi
}

carriers="smtp sms whatsapp voice ussd"

# carrier_file <carrier>: the file that the caller named for it.
carrier_file() {
  case $1 in
    smtp) echo "$smtp_file" ;;
    sms) echo "$sms_file" ;;
    whatsapp) echo "$whatsapp_file" ;;
    voice) echo "$voice_file" ;;
    ussd) echo "$ussd_file" ;;
  esac
}

has_carrier() {
  for name in $carriers; do
    if [ -e "$etc/$name-url" ] || [ -n "$(carrier_file "$name")" ]; then return 0; fi
  done
  return 1
}

# check_url_file <option> <file> <pattern> <scheme>: neither the file's name nor its content is repeated, as both may be secrets.
check_url_file() {
  if [ -z "$2" ]; then
    return 0
  elif [ ! -f "$2" ] || [ ! -r "$2" ] || [ ! -s "$2" ]; then
    problem "The file of $1 is missing, unreadable or empty."
  elif ! grep -q "$3" "$2"; then
    problem "The file of $1 must hold one URL that begins with $4."
  fi
}

check_settings() {
  if [ ! -e "$etc/latchkey.env" ]; then
    if [ -z "$issuer" ] && [ -t 0 ]; then issuer=$(ask "Public URL of the service (https://auth.example.com)"); fi
    case $issuer in
      '') problem "The issuer is missing. Add --issuer https://auth.example.com, with the public URL of the service." ;;
      *[[:space:]\"\'\\]*) problem "The issuer must be one URL without spaces and quotes, such as https://auth.example.com." ;;
      https://?*) ;;
      *) problem "The issuer must begin with https://, such as https://auth.example.com." ;;
    esac
  fi
  if ! has_carrier; then
    if [ -t 0 ]; then smtp_file=$(ask "File that holds the URL of the mail server"); fi
    has_carrier || problem "A carrier is missing. Write the URL of your mail server into a file and add --smtp-url-file FILE; --help lists other carriers."
  fi
  for name in $carriers; do
    check_url_file "--$name-url-file" "$(carrier_file "$name")" '^[a-z][a-z-]*://' "its scheme, such as smtp:// or smpp://"
  done
  check_url_file --database-url-file "$database_file" '^postgres\(ql\)\{0,1\}://' postgres://
  if [ -n "$database_file" ] && [ ! -e "$etc/database-url" ] && [ -e "$data/latchkey.db" ]; then
    echo "Note: the users in $data/latchkey.db are not moved by this. docs/operations.md says how to move them to PostgreSQL." >&2
  fi
  for name in pepper master-key; do
    if [ ! -e "$etc/$name" ] && [ -e "$data/latchkey.db" ]; then
      problem "$etc/$name is missing, but $data/latchkey.db was made with it. Restore the file from where you keep it."
    fi
  done
}

build() {
  npm=$(command -v npm)
  # Native modules must be built by the Node that runs them.
  PATH=$(dirname "$node"):$PATH
  export PATH
  "$npm" ci
  "$npm" run build
  "$npm" prune --omit=dev
}

# The new program replaces the old one only when it is complete. No file of the old program stays.
install_program() {
  rm -rf "$opt.new"
  install -d "$opt.new" "$root/usr/local/bin" "$units"
  cp -R package.json README.md dist node_modules "$opt.new/"
  chmod -R u+rwX,go+rX,go-w "$opt.new"
  rm -rf "$opt.old"
  [ ! -e "$opt" ] || mv "$opt" "$opt.old"
  mv "$opt.new" "$opt"
  rm -rf "$opt.old"
  install -m 755 deploy/latchkey "$root/usr/local/bin/latchkey"
}

make_user_and_folders() {
  if [ -n "$root" ] || ! id latchkey > /dev/null 2>&1; then
    system useradd --system --user-group --home-dir /var/lib/latchkey --shell /usr/sbin/nologin latchkey
  fi
  install -d -m 700 "$etc" "$data"
  system chown latchkey:latchkey "$data"
}

# keep <name>: standard input as a file in /etc/latchkey that only root can read. A crash leaves no half of it.
keep() {
  (
    umask 077
    cat > "$etc/$1.new"
    mv "$etc/$1.new" "$etc/$1"
  )
}

make_secrets_and_settings() {
  for name in pepper master-key; do
    [ -e "$etc/$name" ] || head -c 32 /dev/urandom | base64 | keep "$name"
  done
  for name in $carriers; do
    file=$(carrier_file "$name")
    [ -z "$file" ] || keep "$name-url" < "$file"
  done
  [ -z "$database_file" ] || keep database-url < "$database_file"
  if [ -e "$etc/latchkey.env" ]; then
    echo "$etc/latchkey.env stays as it is."
    return 0
  fi
  is_new=yes
  keep latchkey.env <<END
# Settings of Latchkey, one NAME=value a line; \`latchkey config\` lists all of them. Then: systemctl restart latchkey
LATCHKEY_ISSUER=$issuer
# A proxy on this machine does TLS.
LATCHKEY_TLS=terminated
LATCHKEY_TRUSTED_PROXIES=127.0.0.1
LATCHKEY_GRPC_LISTEN=127.0.0.1:50051
LATCHKEY_HTTP_LISTEN=127.0.0.1:8080
$path_line
END
}

# drop_in <name> <secret>: gives the service a secret if there is one. systemd refuses to start a service whose credential file is
# missing.
drop_in() {
  rm -f "$units/latchkey.service.d/$1.conf"
  [ ! -e "$etc/$2" ] || install -D -m 644 "deploy/latchkey-$1.conf" "$units/latchkey.service.d/$1.conf"
}

install_unit() {
  install -m 644 deploy/latchkey.service "$units/latchkey.service"
  for name in $carriers; do drop_in "$name" "$name-url"; done
  drop_in postgres database-url
  system systemctl daemon-reload
  system systemctl enable latchkey
  system systemctl restart latchkey
}

check_machine
# Without root, what is in the folder can't be seen.
if [ ! -e "$etc" ] || [ -x "$etc" ]; then check_settings; fi
if [ -n "$problems" ]; then
  echo "Nothing was installed:$problems" >&2
  exit 1
fi
smtp_file=$(absolute "$smtp_file")
sms_file=$(absolute "$sms_file")
whatsapp_file=$(absolute "$whatsapp_file")
voice_file=$(absolute "$voice_file")
ussd_file=$(absolute "$ussd_file")
database_file=$(absolute "$database_file")
cd "$clone"
[ $build = no ] || build
make_user_and_folders
make_secrets_and_settings
install_program
install_unit

[ -z "$root" ] || exit 0
if ! /usr/local/bin/latchkey doctor; then
  echo "Latchkey is installed, but \`latchkey doctor\` found problems. Correct them, then: systemctl restart latchkey" >&2
  exit 1
fi
echo "Latchkey is installed and started. Keep copies of $etc/pepper and $etc/master-key apart from the database and its backups."
echo "Its log: journalctl --unit latchkey"
[ $is_new = no ] || echo "No client may call it yet. Make one:
  latchkey client create --app default --kind public --id default-web --default"
