import type { Bodies } from "../web/body.js";
import { headerValues, type WebRequest } from "../web/types.js";

/** The largest body that a plain HTTP path reads. */
export const bodyMaxBytes = 64 * 1024;

/** Thrown for a body that can't be read. The plugin gives it the shape of its errors. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  constructor(
    readonly status: 400 | 413 | 415,
    message: string,
  ) {
    super(message);
  }
}

/** As `readBytes`, for a text. */
export async function readBody(request: WebRequest, bodies: Bodies): Promise<string> {
  const bytes = await readBytes(request, bodies);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new BodyError(400, "The body is not UTF-8.");
  }
}

/** Reads a body through the door's account of unfinished requests. Throws `BodyError`. */
export async function readBytes(request: WebRequest, bodies: Bodies): Promise<Buffer> {
  if (Number(request.headers["content-length"] ?? 0) > bodyMaxBytes) throw tooLarge();
  const encodings = headerValues(request, "content-encoding").filter((encoding) => encoding.toLowerCase() !== "identity");
  if (encodings.length > 0) throw new BodyError(415, "The body must not be compressed.");
  const chunks: Uint8Array[] = [];
  let read = 0;
  for await (const chunk of bodies.read(request)) {
    chunks.push(chunk);
    read += chunk.length;
    if (read > bodyMaxBytes) throw tooLarge();
  }
  return Buffer.concat(chunks);
}

function tooLarge(): BodyError {
  return new BodyError(413, "The body is larger than 64 KiB.");
}

/**
 * Reads `application/x-www-form-urlencoded`. Parameters without a value count as left out (RFC 6749 §3.2). Throws `BodyError` for a
 * parameter that is given twice.
 */
export function parseForm(body: string): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (seen.has(name)) throw new BodyError(400, "A parameter is given twice.");
    seen.add(name);
    if (value !== "") params.set(name, value);
  }
  return params;
}
