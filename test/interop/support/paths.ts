import { dirname, join, resolve } from "node:path";

export const repository = resolve(import.meta.dirname, "../../..");
export const interop = join(repository, "test/interop");
/** What the suite makes or downloads; git does not look at it. */
export const cache = join(interop, ".cache");
export const cacheBin = join(cache, "bin");

/** The build under test: `dist`, or what INTEROP_DIST names. Its folder holds the package.json that goes with it. */
export const dist = resolve(process.env.INTEROP_DIST ?? join(repository, "dist"));
export const packageRoot = dirname(dist);
export const latchkeyBin = join(dist, "latchkey.cjs");

export const python = join(cache, "venv/bin/python");
export const goProgram = join(cacheBin, "latchkey-interop");
export const buf = join(repository, "node_modules/.bin/buf");
