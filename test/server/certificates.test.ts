import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TlsOptions } from "node:tls";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { Log } from "../../src/lib/log.js";
import { type Certificates, watchCertificates } from "../../src/server/certificates.js";
import { eventually } from "../support/app.js";
import { createAuthority } from "../support/tls.js";

const authority = createAuthority();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "latchkey-certificates-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const never = 2 ** 30;

/** Certificates that follow files of their own, and what they log. */
async function watch({ everyMs = never, clock = Date.now }: { everyMs?: number; clock?: () => number } = {}) {
  const files = { kind: "files", certFile: join(folder, "cert"), keyFile: join(folder, "key"), clientCaFile: null } as const;
  /** Gives the certificate that the files hold now. */
  function renew(): string {
    const { cert, key } = authority.issue(["localhost"]);
    writeFileSync(files.certFile, cert);
    writeFileSync(files.keyFile, key);
    return cert;
  }
  renew();
  const lines: string[] = [];
  const record = (level: string) => (_fields: unknown, message: string) => void lines.push(`${level}: ${message}`);
  const log: Log = { debug: record("debug"), info: record("info"), warn: record("warn"), error: record("error") };
  const certificates: Certificates = await watchCertificates({ files, clock, log, everyMs });
  onTestFinished(() => certificates.stop());
  return { certificates, renew, lines };
}

/** A follower that can't take its `failsAt`th options, and what it serves with. */
function follower(failsAt?: number) {
  let times = 0;
  const serving: { cert?: unknown } = {};
  return {
    serving,
    renew({ cert }: TlsOptions): void {
      times += 1;
      if (times === failsAt) throw new Error("no");
      serving.cert = cert;
    },
  };
}

const failed = "error: a server could not take the renewed TLS files: the next look tries again";
const renewed = "info: the TLS files were renewed: new connections use them";

describe("followers of the TLS files", () => {
  it("are all renewed at once but for one that throws, which the next look renews", async () => {
    const { certificates, renew, lines } = await watch();
    const [failing, other] = [follower(2), follower()];
    for (const one of [failing, other]) certificates.follow(one.renew);
    const first = failing.serving.cert;
    const second = renew();
    await certificates.reload();
    expect([failing.serving.cert, other.serving.cert]).toEqual([first, second]);
    expect(lines).toEqual([failed]);
    await certificates.reload();
    expect(failing.serving.cert).toBe(second);
    expect(lines).toEqual([failed, renewed]);
  });

  it("are renewed without being asked to after one has thrown", async () => {
    const { certificates, renew, lines } = await watch({ everyMs: 1 });
    const failing = follower(2);
    certificates.follow(failing.renew);
    const second = renew();
    await eventually("the renewal", async () => failing.serving.cert === second || undefined);
    expect(lines).toEqual([failed, renewed]);
  });
});

describe("a look at the TLS files that fails", () => {
  it("is logged, and the next one finds the renewal", async () => {
    let fails = false;
    const clock = (): number => {
      if (!fails) return Date.now();
      fails = false;
      throw new Error("no");
    };
    const { certificates, renew, lines } = await watch({ clock });
    const one = follower();
    certificates.follow(one.renew);
    const second = renew();
    fails = true;
    await certificates.reload();
    expect(lines).toEqual(["error: a look at the TLS files failed: the certificate in use stays"]);
    await certificates.reload();
    expect(one.serving.cert).toBe(second);
  });
});
