import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { call, inboxMessages, type ListedSession, listSessions, refusal, signIn, type Tokens } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { runAsPackageUser } from "./support/package-user.js";
import { repository } from "./support/paths.js";
import { type Block, markedBlocks, withPorts } from "./support/readme.js";
import { runWell } from "./support/run.js";

const blocks = markedBlocks();

describe("of README and docs", () => {
  let latchkey: Latchkey;
  let folder: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-readme-"));
    latchkey = await startLatchkey({ LATCHKEY_TRUSTED_PROXIES: "127.0.0.1" });
  });
  afterEach(async () => {
    await latchkey.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("the blocks to run are found: grpcurl, curl and TypeScript in README, curl and buf curl in docs", () => {
    const found = blocks.map(({ page, name }) => `${page}: ${name}`);
    expect(found).toEqual(
      expect.arrayContaining([
        "README.md: grpcurl",
        "README.md: curl",
        "README.md: typescript over gRPC",
        "README.md: typescript over Connect",
        "docs/getting-started.md: curl, step by step",
        "docs/getting-started.md: buf curl",
      ]),
    );
  });

  it.each(blocks.filter(({ language }) => language === "sh"))(
    "$page: the block $name registers, signs in, refreshes, lists and signs out",
    async (block) => {
      const { printed, tokens } = await runShell(block);
      const [sessions, ...others] = printed.filter(isSessionList);
      expect(others).toEqual([]);
      expect(sessions?.sessions).toHaveLength(1);
      expect(sessions?.sessions[0]).toMatchObject({ sessionId: tokens.sessionId, current: true, clientId: "default-web" });
      // Only a sign-in gives an id token, so these came from a refresh.
      expect(tokens.idToken).toBeUndefined();
      expect(await refusal(call(latchkey, "RefreshToken", { refreshToken: tokens.refreshToken }))).toBe("SESSION_ENDED");
      expect(await refusal(call(latchkey, "GetCurrentUser", {}, { accessToken: tokens.accessToken }))).toBe("TOKEN_INVALID");
      await expectOneUser({ sessions: 0 });
    },
  );

  it.each(blocks.filter(({ language }) => language === "ts"))(
    "$page: the block $name compiles strictly and signs a user in",
    async (block) => {
      await runAsPackageUser(withPorts(block.text, latchkey.ports));
      await expectOneUser({ sessions: /signOut|revokeToken/.test(block.text) ? 0 : 1 });
    },
  );

  /** Runs a block in a bash that stops at every error. Gives the JSON that it prints and the tokens that it ends with. */
  async function runShell({ text }: Block): Promise<{ printed: unknown[]; tokens: Tokens }> {
    const script = join(folder, "block.sh");
    const tokensPath = join(folder, "tokens.json");
    writeFileSync(script, `${withPorts(text, latchkey.ports)}\nprintf %s "$TOKENS" > '${tokensPath}'\n`);
    const printedPath = join(folder, "printed.json");
    writeFileSync(printedPath, await runWell("bash", ["-euo", "pipefail", script], { cwd: repository }));
    const printed = JSON.parse(await runWell("jq", ["-s", ".", printedPath])) as unknown[];
    return { printed, tokens: JSON.parse(readFileSync(tokensPath, "utf8")) as Tokens };
  }

  /** One contact got codes; it has a user now, who has as many sessions beside the one that this makes. */
  async function expectOneUser({ sessions }: { sessions: number }): Promise<void> {
    const contacts = [...new Set((await inboxMessages(latchkey)).map(({ to }) => to))];
    expect(contacts).toHaveLength(1);
    // The block's own address has to wait for a next code.
    const { tokens, user, isNewUser } = await signIn(latchkey, contacts[0]!, { registeredOnly: true, address: "192.0.2.1" });
    expect(isNewUser ?? false).toBe(false);
    expect(user).toMatchObject({ contacts: [{ kind: "CONTACT_KIND_EMAIL", value: contacts[0] }] });
    expect(await listSessions(latchkey, tokens.accessToken)).toHaveLength(sessions + 1);
  }
});

function isSessionList(document: unknown): document is { sessions: ListedSession[] } {
  return typeof document === "object" && document !== null && "sessions" in document;
}
