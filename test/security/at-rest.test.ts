import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { refused, signIn } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { queryRaw } from "../support/raw-database.js";

interface SessionRow {
  readonly key_id: string;
  readonly family: Buffer;
  readonly generation: number;
}

describe.each(testEngines())("what is at rest on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp({ ...(await database()), LATCHKEY_RESEND_COOLDOWN: "0" });
  });
  afterEach(() => on.stop());

  async function liveChallenge(email: string): Promise<{ challengeId: string; code: string }> {
    const { challenge } = await on.auth.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
    const { challengeId, code } = await on.messageOf(challenge);
    return { challengeId, code };
  }

  async function swap(columns: readonly string[], ids: readonly [string, string]): Promise<void> {
    const read = async (id: string) => {
      const [row] = await queryRaw(on, `SELECT ${columns.join(", ")} FROM challenges WHERE challenge_id = ?`, [id]);
      return Object.values(row!);
    };
    const [one, two] = [await read(ids[0]), await read(ids[1])];
    const write = `UPDATE challenges SET ${columns.map((column) => `${column} = ?`).join(", ")} WHERE challenge_id = ?`;
    await queryRaw(on, write, [...two, ids[0]]);
    await queryRaw(on, write, [...one, ids[1]]);
  }

  it("two challenges whose hashes were swapped in the database are worthless, with either code", async () => {
    const [mine, theirs] = [await liveChallenge("mine@example.com"), await liveChallenge("theirs@example.com")];
    await swap(["salt", "tag", "hash_profile", "pepper_id"], [mine.challengeId, theirs.challengeId]);
    for (const { challengeId } of [mine, theirs]) {
      for (const { code } of [mine, theirs]) {
        expect((await refused(on.auth.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
      }
    }
  });

  it("two challenges whose sealed codes were swapped send neither code again: nobody gets a stranger's code", async () => {
    const [mine, theirs] = [await liveChallenge("mine@example.com"), await liveChallenge("theirs@example.com")];
    await swap(["sealed_code"], [mine.challengeId, theirs.challengeId]);
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
      await queryRaw(on, `UPDATE challenges SET ${change} WHERE challenge_id = ?`, [challengeId]);
      expect((await refused(on.auth.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
    }
  });

  it("a copy of the database holds no refresh token: family and generation of its rows don't make one", async () => {
    const { tokens } = await signIn(on, "owner@example.com");
    const [row] = await queryRaw<SessionRow>(on, "SELECT key_id, family, generation FROM sessions");
    const family = row!.family.toString("base64url");
    const body = `lk1.${row!.key_id}.${family}.${row!.generation}`;
    expect(tokens.refreshToken.startsWith(`${body}.`)).toBe(true);
    for (const mac of ["", "A".repeat(43), Buffer.alloc(32).toString("base64url"), family]) {
      expect((await refused(on.auth.refreshToken({ refreshToken: `${body}.${mac}` }))).reason).toBe("SESSION_ENDED");
    }
    expect((await on.auth.refreshToken({ refreshToken: tokens.refreshToken })).tokens).toBeDefined();
  });

  it("a session whose generation is older than its token, as after a restored backup, is ended", async () => {
    const { tokens } = await signIn(on, "owner@example.com");
    const next = await on.auth.refreshToken({ refreshToken: tokens.refreshToken });
    await queryRaw(on, "UPDATE sessions SET generation = 0");
    expect((await refused(on.auth.refreshToken({ refreshToken: next.tokens!.refreshToken }))).reason).toBe("SESSION_LOST");
    expect((await refused(on.auth.refreshToken({ refreshToken: tokens.refreshToken }))).reason).toBe("SESSION_ENDED");
  });
});
