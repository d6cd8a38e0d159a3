import { invalidField, requestInvalid } from "../auth/errors.js";
import type { AppRecord } from "../model/app.js";
import {
  canonicalPattern,
  type TestIdentifier,
  testIdentifierLifeMaxMs,
  testIdentifiersMax,
} from "../model/test-identifier.js";
import type { EpochMs } from "../model/time.js";
import { type FieldViolation, isViolation } from "../model/violation.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import type { AppsDeps } from "./deps.js";
import { appNotFound } from "./refusals.js";

type TestDeps = Pick<AppsDeps, "clock" | "store" | "directory" | "deployment" | "log">;

interface OfTestIdentifier {
  readonly appId: string;
  /** As the caller wrote it. */
  readonly pattern: string;
}

/**
 * Sets a test identifier of an app, or replaces the one with the same pattern, which keeps its place. Of concurrent calls with one
 * pattern the last one counts. Throws APP_NOT_FOUND, and REQUEST_INVALID with everything that is wrong.
 */
export async function putTestIdentifier(
  deps: TestDeps,
  actor: Actor,
  input: OfTestIdentifier & { readonly code: string; readonly endsAt: EpochMs },
): Promise<TestIdentifier> {
  const { appId } = input;
  const one = checked(deps, input);
  await change(deps, appId, (was) => {
    const isSame = ({ pattern }: TestIdentifier) => pattern === one.pattern;
    if (was.some(isSame)) return was.map((other) => (isSame(other) ? one : other));
    if (was.length < testIdentifiersMax) return [...was, one];
    throw invalidField("pattern", `must be that of a present one, because the app has ${testIdentifiersMax}: delete one first`);
  });
  await announce(deps, actor, { message: "set a test identifier", app: appId, ...loggedTest(one) });
  return one;
}

/** Removes a test identifier of an app. Throws APP_NOT_FOUND, and REQUEST_INVALID if the app has none with the pattern. */
export async function deleteTestIdentifier(deps: TestDeps, actor: Actor, input: OfTestIdentifier): Promise<void> {
  const { appId } = input;
  const canonical = canonicalPattern(deps.deployment.policy, input.pattern);
  const pattern = isViolation(canonical) ? input.pattern : canonical;
  await change(deps, appId, (was) => {
    const left = was.filter((one) => one.pattern !== pattern);
    if (left.length < was.length) return left;
    throw invalidField("pattern", "is no test identifier of the app: list them, and give one of their patterns");
  });
  await announce(deps, actor, { message: "removed a test identifier", app: appId, pattern });
}

/** What logs say about a test identifier. */
export function loggedTest({ pattern, endsAt }: TestIdentifier): { readonly pattern: string; readonly endsAt: string } {
  return { pattern, endsAt: new Date(endsAt).toISOString() };
}

function checked(
  { deployment, clock }: TestDeps,
  { pattern: text, code, endsAt }: OfTestIdentifier & { readonly code: string; readonly endsAt: EpochMs },
): TestIdentifier {
  const now = clock();
  const pattern = canonicalPattern(deployment.policy, text);
  const violations: FieldViolation[] = isViolation(pattern) ? [pattern] : [];
  if (!/^[0-9]{6,10}$/.test(code)) violations.push({ field: "code", description: "must be 6 to 10 digits" });
  if (!(endsAt > now && endsAt <= now + testIdentifierLifeMaxMs)) {
    violations.push({ field: "ends_at", description: "must be in the future, and at most 90 days from now" });
  }
  if (isViolation(pattern) || violations.length > 0) throw requestInvalid(violations);
  return { pattern, code, endsAt };
}

async function change(
  { store }: TestDeps,
  appId: string,
  to: (was: readonly TestIdentifier[]) => readonly TestIdentifier[],
): Promise<AppRecord> {
  const apply = (was: AppRecord) => ({ ...was, testIdentifiers: to(was.testIdentifiers) });
  const app = await store.apps.changeApp({ appId, apply });
  if (app === null) throw appNotFound(appId);
  return app;
}
