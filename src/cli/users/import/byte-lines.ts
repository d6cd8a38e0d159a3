import { lineBytesMax } from "./line.js";

/** Splits bytes at line feeds. Gives null for a line of more than `lineBytesMax`, which is never held in memory. */
export async function* linesOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer | null> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of bytes) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const length = restBytes + end - from;
      yield length > lineBytesMax ? null : Buffer.concat([...rest, chunk.subarray(from, end)]);
      [rest, restBytes, from] = [[], 0, end + 1];
    }
    restBytes += chunk.length - from;
    if (restBytes > lineBytesMax) rest = [];
    else if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  if (restBytes > 0) yield restBytes > lineBytesMax ? null : Buffer.concat(rest);
}
