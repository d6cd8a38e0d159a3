import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { blocksUnder, withPorts } from "./support/readme.js";
import { runWell } from "./support/run.js";

interface Answer {
  readonly user?: { readonly state: string; readonly roles?: readonly string[]; readonly contacts: readonly object[] };
  readonly users?: readonly object[];
  readonly sessions?: readonly object[];
  readonly obstacles?: readonly { readonly kind: string }[];
  readonly revokedCount?: number;
  readonly erased?: boolean;
}

describe("the commands of docs/users.md, in the folder of a development server,", () => {
  let latchkey: Latchkey;
  beforeAll(async () => {
    latchkey = await startLatchkey();
  });
  afterAll(() => latchkey.stop());

  /** Runs the block of a section in a bash that stops at every error. Returns what it prints, as JSON. */
  async function runSection(heading: string): Promise<readonly Answer[]> {
    const [block, ...others] = blocksUnder("docs/users.md", heading, "sh");
    expect(others).toEqual([]);
    const script = join(latchkey.folder, "block.sh");
    const printed = join(latchkey.folder, "printed.json");
    writeFileSync(script, withPorts(block!, latchkey.ports));
    writeFileSync(printed, await runWell("bash", ["-euo", "pipefail", script], { cwd: latchkey.folder }));
    return JSON.parse(await runWell("jq", ["-s", ".", printed])) as readonly Answer[];
  }

  it("with curl: a user is created, found, changed, locked, explained, unlocked and erased", async () => {
    const [app, found, listed, changed, locked, explained, unlocked, deleted, ...others] = await runSection("### With curl");
    expect(others).toEqual([]);
    expect(app).toMatchObject({ app: { roles: ["admin", "editor"] } });
    expect(found!.user).toMatchObject({ externalId: "crm-17", roles: ["admin"], state: "USER_STATE_ACTIVE" });
    expect(listed!.users).toEqual([found!.user]);
    expect(changed!.user!.roles).toEqual(["editor"]);
    expect(locked!.user!.state).toBe("USER_STATE_LOCKED");
    expect(explained!.obstacles!.map(({ kind }) => kind)).toEqual(["SIGN_IN_OBSTACLE_KIND_LOCKED"]);
    expect(unlocked!.user!.state).toBe("USER_STATE_ACTIVE");
    expect(deleted).toEqual({ erased: true });
  });

  it("with grpcurl: a user is invited, signs in by the invitation, and is signed out", async () => {
    const [user, sessions, revoked, explained, ...others] = await runSection("### With grpcurl");
    expect(others).toEqual([]);
    expect(user!.user).toMatchObject({ state: "USER_STATE_ACTIVE", contacts: [{ value: "grace@example.com", primary: true }] });
    expect(sessions!.sessions).toHaveLength(1);
    expect(revoked).toEqual({ revokedCount: 1 });
    expect(explained!.obstacles).toBeUndefined();
  });
});
