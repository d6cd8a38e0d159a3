import { gsm7Septets } from "../../../model/gsm7.js";

/** The parts of one short message. */
export interface Segments {
  /** SMPP 3.4 §5.2.19: 0 is the alphabet of the message center, GSM 03.38; 8 is UCS-2. */
  readonly dataCoding: 0 | 8;
  /** Whether each part begins with a user data header, which joins the parts on the phone. */
  readonly hasHeader: boolean;
  /** `short_message` of each part, one octet a septet for GSM 03.38. */
  readonly parts: readonly Buffer[];
}

/** 3GPP TS 23.040 §9.2.3.24.1: the header takes 6 of 140 octets, which are 7 of 160 septets. */
const limits = {
  gsm7: { alone: 160, joined: 153 },
  ucs2: { alone: 140, joined: 134 },
};

/**
 * Encodes a text: in GSM 03.38 if that alphabet has all its characters, otherwise in UCS-2. A text too long for one message becomes
 * several with the same `reference`, 0 to 255. No character is divided between two parts. Throws RangeError beyond 255 parts.
 */
export function segmentsOf(text: string, reference: number): Segments {
  const characters = [...text];
  const septets = characters.map(gsm7Septets);
  const isGsm7 = septets.every((codes) => codes !== null);
  const encoded = isGsm7 ? septets.map((codes) => Buffer.from(codes)) : characters.map(ucs2);
  const { alone, joined } = isGsm7 ? limits.gsm7 : limits.ucs2;
  const dataCoding = isGsm7 ? 0 : 8;
  const whole = Buffer.concat(encoded);
  if (whole.length <= alone) return { dataCoding, hasHeader: false, parts: [whole] };
  const bodies = divided(encoded, joined);
  if (bodies.length > 255) throw new RangeError("the text is too long for one short message");
  const parts = bodies.map((body, index) => Buffer.concat([Buffer.from([5, 0, 3, reference, bodies.length, index + 1]), body]));
  return { dataCoding, hasHeader: true, parts };
}

function divided(characters: readonly Buffer[], octetsMax: number): Buffer[] {
  const bodies: Buffer[] = [];
  let body: Buffer[] = [];
  let length = 0;
  for (const character of characters) {
    if (length + character.length > octetsMax) {
      bodies.push(Buffer.concat(body));
      [body, length] = [[], 0];
    }
    body.push(character);
    length += character.length;
  }
  return [...bodies, Buffer.concat(body)];
}

/** UTF-16, so that phones also show characters beyond UCS-2, as two units. */
function ucs2(character: string): Buffer {
  return Buffer.from(character, "utf16le").swap16();
}
