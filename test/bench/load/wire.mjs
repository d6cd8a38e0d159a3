// The little of the Protobuf wire format that the load needs, so that its own cost stays out of the rates.

/** A string field; field numbers to 15, any length. */
export function stringField(number, text) {
  const value = Buffer.from(text);
  return Buffer.concat([Buffer.of((number << 3) | 2), varint(value.length), value]);
}

function varint(value) {
  const bytes = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}

/** The bytes at a path of field numbers; undefined when there are none. */
export function fieldAt(bytes, ...path) {
  let found = bytes;
  for (const number of path) found = found && field(found, number);
  return found;
}

function field(bytes, wanted) {
  let at = 0;
  function readVarint() {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }
  while (at < bytes.length) {
    const tag = readVarint();
    if ((tag & 7) === 0) {
      readVarint();
      continue;
    }
    const length = (tag & 7) === 2 ? readVarint() : (tag & 7) === 1 ? 8 : 4;
    if (tag >>> 3 === wanted) return bytes.subarray(at, at + length);
    at += length;
  }
  return undefined;
}
