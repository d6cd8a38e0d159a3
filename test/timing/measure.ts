import { type Caller, createCaller, startDelay } from "./caller.js";

/**
 * `known` and `again` have users, so that the two tell how much is chance. `unknown` has none, the users of `elsewhere` are members of
 * another app of the pool, and those of `locked` are locked.
 */
export const arms = ["known", "again", "unknown", "elsewhere", "locked"] as const;
export type Arm = (typeof arms)[number];

export type Times = Readonly<Record<Arm, readonly number[]>>;

export interface Measured {
  /** By method. */
  readonly methods: ReadonlyMap<string, Times>;
  /** The same method twice, the second time over a path that is `controlMs` slower. */
  readonly control: { readonly plain: readonly number[]; readonly slower: readonly number[] };
}

export const controlMs = 3;
const controlSamples = 300;
const warmUps = 300;
const cooldownMs = 15_000;

interface Subject {
  readonly arm: Arm;
  readonly address: string;
  challengeId: string;
}

/** Times SendOtp, a resend and a wrong guess for every address, one call at a time, the arms mixed anew for each method. */
export async function measure(port: number, addresses: Readonly<Record<Arm, readonly string[]>>): Promise<Measured> {
  const caller = createCaller(port);
  for (let n = 0; n < warmUps; n += 1) {
    const { json } = await caller.call("SendOtp", { email: `warm-up-${n}@example.com` });
    await caller.call("VerifyOtp", { challengeId: json.challenge!.challengeId, code: wrongCode });
  }
  const subjects = arms.flatMap((arm) => addresses[arm].map((address): Subject => ({ arm, address, challengeId: "" })));
  const methods = new Map<string, Times>();
  methods.set(
    "SendOtp",
    await timeAll(subjects, async (subject) => {
      const { status, json, tookMs } = await caller.call("SendOtp", { email: subject.address });
      expectStatus(status, 200);
      subject.challengeId = json.challenge!.challengeId;
      return tookMs;
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, cooldownMs * 1.2));
  methods.set(
    "SendOtp (resend)",
    await timeAll(subjects, async ({ challengeId }) => {
      const { status, tookMs } = await caller.call("SendOtp", { challengeId });
      expectStatus(status, 200);
      return tookMs;
    }),
  );
  methods.set("VerifyOtp (wrong code)", await timeAll(subjects, ({ challengeId }) => guess(caller, challengeId)));
  const control = await timeControl(port, caller, subjects);
  caller.close();
  return { methods, control };
}

/** Ten digits, so that no guess is right by chance. With six, one run in 250 has such a guess. */
const wrongCode = "0000000000";

async function guess(caller: Caller, challengeId: string): Promise<number> {
  const { status, tookMs } = await caller.call("VerifyOtp", { challengeId, code: wrongCode });
  expectStatus(status, 401);
  return tookMs;
}

async function timeControl(port: number, caller: Caller, subjects: readonly Subject[]): Promise<Measured["control"]> {
  const delay = await startDelay(port, controlMs);
  const slow = createCaller(delay.port);
  const [plain, slower]: [number[], number[]] = [[], []];
  const unknown = subjects.filter(({ arm }) => arm === "unknown").slice(0, controlSamples);
  await guess(slow, unknown[0]!.challengeId);
  for (const { challengeId } of unknown) {
    plain.push(await guess(caller, challengeId));
    slower.push(await guess(slow, challengeId));
  }
  slow.close();
  delay.stop();
  return { plain, slower };
}

/** In blocks of two subjects of each arm, in an order by chance, so that a drift of the machine touches all arms alike. */
async function timeAll(subjects: readonly Subject[], time: (subject: Subject) => Promise<number>): Promise<Times> {
  const times = Object.fromEntries(arms.map((arm) => [arm, [] as number[]])) as Record<Arm, number[]>;
  const waiting = arms.map((arm) => shuffled(subjects.filter((subject) => subject.arm === arm)));
  while (waiting.some((of) => of.length > 0)) {
    for (const subject of shuffled(waiting.flatMap((of) => of.splice(0, 2)))) times[subject.arm].push(await time(subject));
  }
  return times;
}

function shuffled<T>(items: readonly T[]): T[] {
  const order = items.map((item) => ({ item, at: Math.random() }));
  return order.sort((a, b) => a.at - b.at).map(({ item }) => item);
}

function expectStatus(status: number, expected: number): void {
  if (status !== expected) throw new Error(`a call was answered with ${status} instead of ${expected}`);
}
