import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../interop/.cache", import.meta.url));

/** Where programs are that `.ci/run` unpacked, because their packages would start services. */
export const path = `${cache}/bin:${process.env.PATH}`;
/** Libraries of such programs that this machine lacks. */
export const libraries = `${cache}/lib`;
