/** Writes a value so that it stays one value of the place where it stands. */
export type Encode = (value: string) => string;

const loneSurrogates = /\p{Cs}/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: XML allows no other control characters (XML 1.0 §2.2).
const notXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g;

/** One component of a URL, or one name or value of a form. Only unreserved characters (RFC 3986 §2.3) stay as they are. */
export const encodeComponent: Encode = (value) =>
  encodeURIComponent(value.replace(loneSurrogates, "\ufffd")).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** The inside of a JSON string. */
export const encodeJson: Encode = (value) => JSON.stringify(value).slice(1, -1);

/** Character data or the inside of an attribute of XML. */
export const encodeXml: Encode = (value) =>
  value
    .replace(loneSurrogates, "\ufffd")
    .replace(notXml, "\ufffd")
    .replace(/[&<>"'\t\r\n]/g, (character) => `&#${character.charCodeAt(0)};`);

/** A part of a header's value. Characters that headers can't hold are left out. */
export const encodeHeader: Encode = (value) => value.replace(/[^\x20-\x7e]/g, "");

/** Plain text on one line. */
export const encodePlain: Encode = (value) => value.replace(loneSurrogates, "\ufffd").replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
