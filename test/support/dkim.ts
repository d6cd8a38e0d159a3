import { createHash, type KeyObject, verify } from "node:crypto";

/**
 * Returns whether the first DKIM-Signature of a mail verifies with a public key, as RFC 6376 §6.1.3 has it, for rsa-sha256 with
 * relaxed/relaxed canonicalization and no `l=`. Lines may end with LF, as mail servers store them.
 */
export function verifiesDkim(raw: string, key: KeyObject): boolean {
  const mail = raw.replace(/\r?\n/g, "\r\n");
  const end = mail.indexOf("\r\n\r\n");
  const [head, body] = [mail.slice(0, end), mail.slice(end + 4)];
  const headers = head.split(/\r\n(?![ \t])/);
  const signature = headers.find((header) => nameOf(header) === "dkim-signature");
  if (signature === undefined) return false;
  const tags = dkimTags(signature);
  if (tags.get("a") !== "rsa-sha256" || tags.get("c") !== "relaxed/relaxed" || tags.has("l")) return false;
  if (createHash("sha256").update(relaxedBody(body), "latin1").digest("base64") !== tags.get("bh")) return false;
  const signed = signedHeaders(headers, (tags.get("h") ?? "").split(":"));
  const own = relaxedHeader(signature.replace(/([;\s]b=)[^;]*/, "$1"));
  return verify(
    "sha256",
    Buffer.from([...signed, own].join("\r\n"), "latin1"),
    key,
    Buffer.from(tags.get("b") ?? "", "base64"),
  );
}

/** Returns the tags of the first DKIM-Signature in a mail, or of one header. Their values have no white space. */
export function dkimTags(text: string): ReadonlyMap<string, string> {
  const [, value = ""] = /^dkim-signature:((?:.|\r?\n[ \t])*)/im.exec(text) ?? [];
  return new Map(
    value.split(";").flatMap((tag) => {
      const [, name, content] = /^\s*([a-z]+)\s*=([\s\S]*)$/.exec(tag) ?? [];
      return name === undefined ? [] : [[name, (content ?? "").replace(/\s/g, "")] as const];
    }),
  );
}

/** §5.4.2: of headers with one name, the last one is signed first. */
function signedHeaders(headers: readonly string[], names: readonly string[]): string[] {
  const left = [...headers];
  return names.flatMap((name) => {
    const at = left.findLastIndex((header) => nameOf(header) === name.toLowerCase());
    return at === -1 ? [] : left.splice(at, 1).map(relaxedHeader);
  });
}

function nameOf(header: string): string {
  return header.slice(0, header.indexOf(":")).trim().toLowerCase();
}

function relaxedHeader(header: string): string {
  const value = header.slice(header.indexOf(":") + 1);
  return `${nameOf(header)}:${value
    .replace(/\r\n/g, "")
    .replace(/[ \t]+/g, " ")
    .trim()}`;
}

function relaxedBody(body: string): string {
  const lines = body.split("\r\n").map((line) => line.replace(/[ \t]+/g, " ").trimEnd());
  while (lines.at(-1) === "") lines.pop();
  return lines.map((line) => `${line}\r\n`).join("");
}
