import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

/** A certificate with its private key, both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** A certificate of this authority for host names and addresses; `client` for the other side of mTLS. */
  issue(names: readonly string[], use?: "server" | "client", valid?: Validity): Certificate;
}

/** Times in milliseconds. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

/** Long enough for the real clock and for the clocks of tests. */
const always: Validity = { from: Date.parse("2020-01-01"), to: Date.parse("2120-01-01") };

/** Makes a certificate authority, as tests need one: P-256, valid from 2020 for a hundred years, known to nobody. */
export function createAuthority(commonName = "Latchkey test CA"): Authority {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = { commonName, key: keys.privateKey };
  return {
    cert: certificate(issuer, commonName, keys.publicKey, [
      extension("2.5.29.19", true, sequence(bool(true))),
      extension("2.5.29.15", true, Buffer.from([0x03, 0x02, 0x01, 0x06])),
      extension("2.5.29.14", false, octets(keyId(keys.publicKey))),
    ]),
    key: pem(keys.privateKey),
    issue(names, use = "server", valid = always) {
      const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const purpose = oid(use === "server" ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2");
      const cert = certificate(
        issuer,
        names[0] ?? use,
        own.publicKey,
        [
          extension("2.5.29.37", false, sequence(purpose)),
          extension("2.5.29.17", false, sequence(...names.map(altName))),
          extension("2.5.29.35", false, sequence(tagged(0x80, keyId(keys.publicKey)))),
        ],
        valid,
      );
      return { cert, key: pem(own.privateKey) };
    },
  };
}

/** X.509 v3 in DER: RFC 5280 §4.1. */
function certificate(
  issuer: { readonly commonName: string; readonly key: KeyObject },
  subject: string,
  publicKey: KeyObject,
  extensions: readonly Buffer[],
  valid = always,
): string {
  const algorithm = sequence(oid("1.2.840.10045.4.3.2"));
  const toBeSigned = sequence(
    tagged(0xa0, Buffer.from([0x02, 0x01, 0x02])),
    tagged(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    algorithm,
    name(issuer.commonName),
    sequence(time(valid.from), time(valid.to)),
    name(subject),
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", toBeSigned, issuer.key);
  const der = sequence(toBeSigned, algorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

/** UTCTime with two digits of the year until 2049, GeneralizedTime from then on. */
function time(at: number): Buffer {
  const text = new Date(at).toISOString().replace(/[-:T]|\.\d+/g, "");
  return text < "2050" ? tagged(0x17, Buffer.from(text.slice(2))) : tagged(0x18, Buffer.from(text));
}

function name(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(oid("2.5.4.3"), tagged(0x0c, Buffer.from(commonName)))));
}

function altName(host: string): Buffer {
  if (isIP(host) === 4) return tagged(0x87, Buffer.from(host.split(".").map(Number)));
  if (host === "::1") return tagged(0x87, Buffer.concat([Buffer.alloc(15), Buffer.from([1])]));
  return tagged(0x82, Buffer.from(host));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [bool(true)] : []), octets(value));
}

function keyId(publicKey: KeyObject): Buffer {
  return createHash("sha1")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest();
}

function pem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
}

function bool(value: boolean): Buffer {
  return tagged(0x01, Buffer.from([value ? 0xff : 0]));
}

function octets(value: Buffer): Buffer {
  return tagged(0x04, value);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}
