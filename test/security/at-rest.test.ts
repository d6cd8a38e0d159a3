import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../src/store/sqlite/connect.js";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { refused, signIn } from "../support/calls.js";

describe("what is at rest", () => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp({ LATCHKEY_RESEND_COOLDOWN: "0" });
  });
  afterEach(() => on.stop());

  function withDatabase<T>(work: (db: Database) => T): T {
    const db = connect(join(on.folder, "latchkey.db"), { timeout: 2000 });
    try {
      return work(db);
    } finally {
      db.close();
    }
  }

  async function liveChallenge(email: string): Promise<{ challengeId: string; code: string }> {
    const { challenge } = await on.auth.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
    const { challengeId, code } = await on.messageOf(challenge);
    return { challengeId, code };
  }

  function swap(columns: readonly string[], ids: readonly [string, string]): void {
    withDatabase((db) => {
      const read = db.prepare<[string], Record<string, unknown>>(
        `SELECT ${columns.join(", ")} FROM challenges WHERE challenge_id = ?`,
      );
      const write = db.prepare(
        `UPDATE challenges SET ${columns.map((column) => `${column} = @${column}`).join(", ")} WHERE challenge_id = @id`,
      );
      const [one, two] = [read.get(ids[0]), read.get(ids[1])];
      write.run({ ...two, id: ids[0] });
      write.run({ ...one, id: ids[1] });
    });
  }

  it("two challenges whose hashes were swapped in the database are worthless, with either code", async () => {
    const [mine, theirs] = [await liveChallenge("mine@example.com"), await liveChallenge("theirs@example.com")];
    swap(["salt", "tag", "hash_profile", "pepper_id"], [mine.challengeId, theirs.challengeId]);
    for (const { challengeId } of [mine, theirs]) {
      for (const { code } of [mine, theirs]) {
        expect((await refused(on.auth.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
      }
    }
  });

  it("two challenges whose sealed codes were swapped send neither code again: nobody gets a stranger's code", async () => {
    const [mine, theirs] = [await liveChallenge("mine@example.com"), await liveChallenge("theirs@example.com")];
    swap(["sealed_code"], [mine.challengeId, theirs.challengeId]);
    for (const { challengeId } of [mine, theirs]) {
      await on.auth.sendOtp({ identifier: { case: "challengeId", value: challengeId } });
    }
    const given = () => on.log.lines.filter(({ level, message }) => level === "error" && message.includes("given up"));
    await eventually("both to be given up", async () => (given().length >= 2 ? true : undefined));
    expect((await on.messages("mine@example.com")).map(({ code }) => code)).toEqual([mine.code]);
    expect((await on.messages("theirs@example.com")).map(({ code }) => code)).toEqual([theirs.code]);
  });

  it("a row moved to another contact or purpose opens for nobody: its hash is bound to both", async () => {
    for (const change of ["contact_value = 'other@example.com'", "purpose = 'verify_contact'"]) {
      const { challengeId, code } = await liveChallenge(`moved${change.length}@example.com`);
      withDatabase((db) => db.prepare(`UPDATE challenges SET ${change} WHERE challenge_id = ?`).run(challengeId));
      expect((await refused(on.auth.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
    }
  });

  it("a copy of the database holds no refresh token: family and generation of its rows don't make one", async () => {
    const { tokens } = await signIn(on, "owner@example.com");
    const row = withDatabase((db) =>
      db
        .prepare<[], { key_id: string; family: Buffer; generation: number }>("SELECT key_id, family, generation FROM sessions")
        .get(),
    )!;
    const body = `lk1.${row.key_id}.${row.family.toString("base64url")}.${row.generation}`;
    expect(tokens.refreshToken.startsWith(`${body}.`)).toBe(true);
    for (const mac of ["", "A".repeat(43), Buffer.alloc(32).toString("base64url"), row.family.toString("base64url")]) {
      expect((await refused(on.auth.refreshToken({ refreshToken: `${body}.${mac}` }))).reason).toBe("SESSION_ENDED");
    }
    expect((await on.auth.refreshToken({ refreshToken: tokens.refreshToken })).tokens).toBeDefined();
  });

  it("a session whose generation is older than its token, as after a restored backup, is ended", async () => {
    const { tokens } = await signIn(on, "owner@example.com");
    const next = await on.auth.refreshToken({ refreshToken: tokens.refreshToken });
    withDatabase((db) => db.prepare("UPDATE sessions SET generation = 0").run());
    expect((await refused(on.auth.refreshToken({ refreshToken: next.tokens!.refreshToken }))).reason).toBe("SESSION_LOST");
    expect((await refused(on.auth.refreshToken({ refreshToken: tokens.refreshToken }))).reason).toBe("SESSION_ENDED");
  });
});
