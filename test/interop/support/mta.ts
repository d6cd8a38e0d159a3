import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../support/ports.js";
import type { Certificate } from "../../support/tls.js";
import { listens } from "./listens.js";
import { cache, cacheBin } from "./paths.js";
import { cleanEnv } from "./run.js";
import { until } from "./until.js";

/** Debian's Exim, which takes mail on 127.0.0.1 and keeps it. */
export interface Mta {
  readonly port: number;
  /** The mails that were delivered, as stored in the maildir. */
  mails(): readonly string[];
  /** What Exim logged. */
  log(): string;
  stop(): Promise<void>;
}

export const mtaLogin = { user: "latchkey", password: "correct horse" };

const exim = join(cacheBin, "exim4");
const wrapper = join(cache, "lib/libnss_wrapper.so");
const nobody = 65_534;

/** Starts Exim. It takes mail only after STARTTLS and a login, and delivers every address to one maildir. */
export async function startMta(certificate: Certificate): Promise<Mta> {
  for (const file of [exim, wrapper]) if (!existsSync(file)) throw new Error(`${file} is missing: .ci/run unpacks it`);
  const folder = mkdtempSync(join(tmpdir(), "latchkey-mta-"));
  const [port] = (await freePorts(1)) as [number];
  const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : { uid: process.getuid!(), gid: process.getgid!() };
  // Debian compiles the name of Exim's user in. It exists where the package is installed; here it is another name of this user.
  writeFileSync(join(folder, "passwd"), `root:x:0:0::/:/bin/sh\nDebian-exim:x:${user.uid}:${user.gid}::/:/bin/sh\n`);
  writeFileSync(join(folder, "group"), `root:x:0:\nmail:x:8:\nDebian-exim:x:${user.gid}:\n`);
  writeFileSync(join(folder, "cert.pem"), certificate.cert);
  writeFileSync(join(folder, "key.pem"), certificate.key);
  writeFileSync(join(folder, "exim.conf"), configuration(folder));
  for (const name of ["spool", "mail"]) mkdirSync(join(folder, name));
  chmodSync(folder, 0o755);
  for (const name of readdirSync(folder)) chownSync(join(folder, name), user.uid, user.gid);
  const child = spawn(exim, ["-C", join(folder, "exim.conf"), "-bdf", "-oX", `127.0.0.1.${port}`], {
    ...user,
    cwd: folder,
    env: { ...cleanEnv(), ...eximEnv(folder) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const killed = () => void child.kill("SIGKILL");
  process.once("exit", killed);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (printed = (printed + chunk).slice(-10_000)));
  const log = () => ["main", "panic", "reject"].map((name) => readIfAny(join(folder, `spool/${name}log`))).join("") + printed;
  await until("Exim listens", async () => {
    if (child.exitCode !== null) throw new Error(`Exim ended with ${child.exitCode}\n${log()}`);
    return (await listens(port)) || undefined;
  });
  return {
    port,
    mails() {
      const arrived = join(folder, "mail/new");
      return existsSync(arrived) ? readdirSync(arrived).map((name) => readFileSync(join(arrived, name), "utf8")) : [];
    },
    log,
    async stop() {
      process.off("exit", killed);
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function eximEnv(folder: string): Record<string, string> {
  return {
    LD_LIBRARY_PATH: join(cache, "lib"),
    LD_PRELOAD: wrapper,
    NSS_WRAPPER_PASSWD: join(folder, "passwd"),
    NSS_WRAPPER_GROUP: join(folder, "group"),
  };
}

function readIfAny(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

const configuration = (folder: string): string => `
exim_user = Debian-exim
exim_group = Debian-exim
keep_environment = LD_PRELOAD : LD_LIBRARY_PATH : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
primary_hostname = mail.example.com
spool_directory = ${folder}/spool
log_file_path = ${folder}/spool/%slog
pid_file_path = ${folder}/spool/pid
deliver_drop_privilege = true
never_users =
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts = *
tls_certificate = ${folder}/cert.pem
tls_privatekey = ${folder}/key.pem
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept
acl_smtp_dkim = accept

begin acl
check_mail:
  deny !encrypted = *
       message = 5.7.0 STARTTLS first
  deny !authenticated = *
       message = 5.7.0 authenticate first
  accept
check_rcpt:
  deny local_parts = unknown
       message = 5.1.1 no such mailbox
  accept

begin routers
all:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = ${folder}/mail
  maildir_format
  create_directory
  user = Debian-exim
  group = Debian-exim

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = \${if def:tls_in_cipher}
  server_condition = \${if and{{eq{$auth2}{${mtaLogin.user}}}{eq{$auth3}{${mtaLogin.password}}}}}
  server_prompts = :
  server_set_id = $auth2
`;
