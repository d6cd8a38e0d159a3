import { create, type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import { AuthError, type FieldViolation } from "../auth/errors.js";

/** Reads requests and checks them against the rules in the proto. */
export interface RequestReader {
  /** `request` is the bytes as they came, or a message that the door had to decode itself. */
  read(schema: DescMessage, request: Uint8Array | Message): Message;
  /** Compiles the rules of a message, which would cost the first caller 60 ms. */
  warm(schema: DescMessage): void;
}

const binaryOptions = { readUnknownFields: false };

/** No field with a pattern is allowed to be longer, and some patterns take time that grows with the square of the length. */
const matchedCharactersMax = 512;

const violationsMax = 16;

export function createRequestReader(): RequestReader {
  const validator = createValidator({ regexMatch: createMatcher() });
  return {
    read(schema, request) {
      const message = request instanceof Uint8Array ? decode(schema, request) : request;
      const result = validator.validate(schema, message);
      if (result.kind === "valid") return message;
      if (result.kind === "error") throw result.error;
      const violations = result.violations.slice(0, violationsMax).map(describe);
      throw new AuthError("REQUEST_INVALID", {
        detail: violations.map((v) => `${v.field}: ${v.description}`).join("; "),
        violations,
      });
    },
    warm(schema) {
      validator.validate(schema, create(schema));
    },
  };
}

function decode(schema: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(schema, bytes, binaryOptions);
  } catch {
    // The library's message may quote the input, so it goes nowhere.
    throw new AuthError("REQUEST_INVALID", { detail: "malformed protobuf" });
  }
}

function createMatcher(): (pattern: string, text: string) => boolean {
  const compiled = new Map<string, RegExp>();
  return (pattern, text) => {
    let regex = compiled.get(pattern);
    if (regex === undefined) {
      regex = new RegExp(pattern, "u");
      compiled.set(pattern, regex);
    }
    return text.length <= matchedCharactersMax && regex.test(text);
  };
}

function describe(violation: Violation): FieldViolation {
  const description =
    violation.ruleId === "string.pattern" ? "has characters or a form that is not allowed" : violation.message;
  return { field: pathToString(violation.field), description };
}
