// Fills a database of Latchkey's, whose schema a server has made, with people, their sessions and live challenges.
import { createKeyring } from "../../../dist/crypto/keyring.js";
import { createRefreshTokens } from "../../../dist/crypto/refresh-token.js";

const { BENCH_ENGINE, BENCH_DATABASE, LATCHKEY_MASTER_KEY } = process.env;
const keyId = "1";
const tokens = createRefreshTokens(createKeyring([{ id: keyId, key: Buffer.from(LATCHKEY_MASTER_KEY, "base64") }]));

const opened = import(`./${BENCH_ENGINE}.mjs`).then(({ open }) => open(BENCH_DATABASE));

globalThis.answer({
  ready: async () => {
    await opened;
    return {};
  },
  /** `size` is how many users, sessions and challenges; `stride` what person n's address follows from, see `shapes.mjs`. */
  fill: async ({ size, stride }) => void (await (await opened).fill({ size, stride, now: Date.now() })),
  /** Bytes of each table with its indexes. */
  sizes: async () => await (await opened).sizes(),
  /** The refresh tokens of some sessions, wherever they are. */
  refreshTokens: async ({ count }) => {
    const families = await (await opened).families(count);
    return families.map((family) => tokens.mint({ keyId, family, generation: 0 }));
  },
});
process.on("SIGTERM", async () => {
  await (await opened).close();
  process.exit();
});
