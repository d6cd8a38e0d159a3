/**
 * SMPP 3.4 by hand, from the specification and without the library that the product uses, so that a mistake of the library shows.
 * https://smpp.org/SMPP_v3_4_Issue1_2.pdf
 */
export interface RawPdu {
  readonly id: number;
  readonly status: number;
  readonly sequence: number;
  readonly body: Buffer;
}

/** §5.1.2.1. A response has the highest bit. */
export const commands = {
  genericNack: 0x80000000,
  submitSm: 0x04,
  deliverSm: 0x05,
  unbind: 0x06,
  bindTransceiver: 0x09,
  enquireLink: 0x15,
} as const;
export const responseBit = 0x80000000;

export function encodePdu({ id, status, sequence, body }: RawPdu): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32BE(16 + body.length, 0);
  head.writeUInt32BE(id >>> 0, 4);
  head.writeUInt32BE(status, 8);
  head.writeUInt32BE(sequence, 12);
  return Buffer.concat([head, body]);
}

/** Returns a function that takes bytes as they arrive and returns the PDUs that are complete. */
export function createPduReader(): (chunk: Buffer) => RawPdu[] {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const pdus: RawPdu[] = [];
    while (rest.length >= 16 && rest.length >= rest.readUInt32BE(0)) {
      const length = rest.readUInt32BE(0);
      const [id, status, sequence] = [rest.readUInt32BE(4), rest.readUInt32BE(8), rest.readUInt32BE(12)];
      pdus.push({ id, status, sequence, body: rest.subarray(16, length) });
      rest = rest.subarray(length);
    }
    return pdus;
  };
}

export const cString = (text: string): Buffer => Buffer.from(`${text}\0`, "latin1");
const octet = (value: number): Buffer => Buffer.from([value]);

function createFields(body: Buffer) {
  let at = 0;
  const text = (): string => {
    const end = body.indexOf(0, at);
    const value = body.toString("latin1", at, end);
    at = end + 1;
    return value;
  };
  const byte = (): number => body[at++]!;
  const bytes = (length: number): Buffer => {
    at += length;
    return body.subarray(at - length, at);
  };
  return { text, byte, bytes };
}

/** §4.1.1 */
export function readBind(body: Buffer) {
  const { text, byte } = createFields(body);
  return { systemId: text(), password: text(), systemType: text(), interfaceVersion: byte() };
}

/** §4.4.1 */
export function readSubmit(body: Buffer) {
  const { text, byte, bytes } = createFields(body);
  return {
    serviceType: text(),
    source: { ton: byte(), npi: byte(), address: text() },
    destination: { ton: byte(), npi: byte(), address: text() },
    esmClass: byte(),
    protocolId: byte(),
    priority: byte(),
    schedule: text(),
    validity: text(),
    registeredDelivery: byte(),
    replace: byte(),
    dataCoding: byte(),
    defaultMessageId: byte(),
    shortMessage: bytes(byte()),
  };
}
export type Submit = ReturnType<typeof readSubmit>;

export interface Deliver {
  readonly esmClass?: number;
  readonly dataCoding?: number;
  readonly text?: string;
  readonly tlvs?: readonly (readonly [tag: number, value: Buffer])[];
}

/** §4.6.1 */
export function deliverBody({ esmClass = 4, dataCoding = 0, text = "", tlvs = [] }: Deliver): Buffer {
  const message = Buffer.from(text, "latin1");
  const address = [octet(1), octet(1), cString("14155550132")];
  return Buffer.concat([
    cString(""),
    ...address,
    ...address,
    Buffer.from([esmClass, 0, 0]),
    cString(""),
    cString(""),
    Buffer.from([0, 0, dataCoding, 0, message.length]),
    message,
    ...tlvs.map(([tag, value]) => {
      const head = Buffer.alloc(4);
      head.writeUInt16BE(tag, 0);
      head.writeUInt16BE(value.length, 2);
      return Buffer.concat([head, value]);
    }),
  ]);
}

/** §5.3.2.12 and §5.3.2.35 */
export const receiptedMessageId = (id: string) => [0x001e, cString(id)] as const;
export const messageState = (state: number) => [0x0427, octet(state)] as const;
export const networkErrorCode = (code: number) => [0x0423, Buffer.from([3, code >> 8, code & 0xff])] as const;

/** GSM 03.38 by code, here once more in the order of the standard's table. */
const gsm =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u001bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const gsmEscaped: Readonly<Record<number, string>> = {
  10: "\f",
  20: "^",
  40: "{",
  41: "}",
  47: "\\",
  60: "[",
  61: "~",
  62: "]",
  64: "|",
  101: "€",
};

/** The text of a part, and where it stands among the others. */
export function readPart({ esmClass, dataCoding, shortMessage }: Submit) {
  const hasHeader = (esmClass & 0x40) !== 0;
  const headerLength = hasHeader ? shortMessage[0]! + 1 : 0;
  const [, reference, count, index] = hasHeader ? [...shortMessage.subarray(2, 6)] : [0, 0, 1, 1];
  const body = shortMessage.subarray(headerLength);
  return { text: dataCoding === 8 ? Buffer.from(body).swap16().toString("utf16le") : gsmText(body), reference, count, index };
}

function gsmText(octets: Buffer): string {
  let text = "";
  for (let at = 0; at < octets.length; at += 1) {
    text += octets[at] === 0x1b ? gsmEscaped[octets[++at]!] : gsm[octets[at]!];
  }
  return text;
}
