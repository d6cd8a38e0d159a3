import type { Channel } from "./channel.js";
import type { MessageStatus } from "./message.js";

/** The values of a message that a gateway's templates may use. */
export const gatewayVariables = [
  "to",
  "to_digits",
  "text",
  "code",
  "from",
  "reference",
  "report_url",
  "expires_in_seconds",
  "locale",
] as const;
export type GatewayVariable = (typeof gatewayVariables)[number];

/** A text that no log shows. `Secret` is one. */
export interface Sealed {
  reveal(): string;
}

/** A text with places for values. Each value is encoded for where its template stands. */
export type Template = readonly TemplatePart[];
export type TemplatePart = { readonly text: string } | { readonly variable: GatewayVariable } | { readonly secret: Sealed };

/** A JSON value whose strings are templates. */
export type JsonTemplate =
  | { readonly kind: "constant"; readonly value: number | boolean | null }
  | { readonly kind: "text"; readonly template: Template }
  | { readonly kind: "list"; readonly items: readonly JsonTemplate[] }
  | { readonly kind: "object"; readonly fields: readonly (readonly [string, JsonTemplate])[] };

export type GatewayBody =
  | { readonly kind: "none" }
  | { readonly kind: "json"; readonly value: JsonTemplate }
  | { readonly kind: "form"; readonly fields: readonly (readonly [string, Template])[] }
  | {
      readonly kind: "text";
      readonly contentType: string;
      /** How values are written into the text. `plain` replaces control characters, such as line breaks, by spaces. */
      readonly encoding: "xml" | "json" | "form" | "plain";
      readonly template: Template;
    };

/** The tokens of a JSON pointer (RFC 6901). None: the whole document. */
export type Pointer = readonly string[];

/** Matches answers by status and content. All parts must match. */
export interface AnswerRule {
  /** Inclusive ranges of HTTP statuses. */
  readonly statuses: readonly (readonly [number, number])[];
  readonly conditions: readonly { readonly pointer: Pointer; readonly values: readonly string[] }[];
}

/** Where an answer says its price: in two places, or in one text such as `KES 0.8000`. */
export type PricePointer =
  | { readonly amount: Pointer; readonly currency: Pointer }
  | { readonly amount: Pointer; readonly currencyCode: string }
  | { readonly text: Pointer };

export interface ReceiptPointers {
  /** An answer without this id is no success. */
  readonly messageId: Pointer | null;
  readonly segments: Pointer | null;
  readonly price: PricePointer | null;
}

export const gatewayErrorKinds = ["permanent", "temporary", "unavailable", "misconfigured", "sender_refused"] as const;
export type GatewayErrorKind = (typeof gatewayErrorKinds)[number];

/** HMAC-SHA256 over the body of a request. */
export interface BodySignature {
  /** In lower case. */
  readonly header: string;
  readonly prefix: string;
  readonly encoding: "hex" | "base64";
  readonly key: Sealed;
  /** How the key is written. */
  readonly keyFormat: "text" | "hex" | "base64";
}

/** How a carrier proves that a report is its own. */
export type ReportAuthentication =
  | ({ readonly type: "hmac" } & BodySignature)
  | { readonly type: "header"; readonly header: string; readonly value: Sealed }
  | { readonly type: "basic"; readonly user: string; readonly password: Sealed }
  | { readonly type: "query"; readonly name: string; readonly value: Sealed }
  | {
      /** A JWT (HS256) whose claims hold SHA-256 hashes, in hex, of the URL, the body or both. */
      readonly type: "jwt";
      readonly header: string;
      readonly key: Sealed;
      readonly issuer: string | null;
      readonly urlHash: string | null;
      readonly bodyHash: string | null;
    };

export type ReportedStatus = Exclude<MessageStatus, "queued" | "test">;

export interface GatewayReports extends ReceiptPointers {
  readonly authentication: ReportAuthentication;
  /** Where the fields stand: in the body as JSON or as a form, or in the query of the URL. */
  readonly format: "json" | "form" | "query";
  /** A list of reports. Null: the document is one report. */
  readonly list: Pointer | null;
  readonly reference: Pointer | null;
  readonly status: Pointer;
  /** Our status for each word of the carrier. Reports with other words are ignored. */
  readonly statuses: ReadonlyMap<string, ReportedStatus>;
  readonly cause: Pointer | null;
}

export interface GatewayOAuth {
  readonly tokenUrl: string;
  readonly clientId: Sealed;
  readonly clientSecret: Sealed;
  /** Empty: none. */
  readonly scope: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly format: "form" | "json";
  /** Where the credentials stand: in the body or in a Basic `Authorization` header (RFC 6749 §2.3.1). */
  readonly credentials: "body" | "basic";
}

export interface GatewayRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** Values are encoded as URL components. The scheme and host hold none. */
  readonly url: Template;
  readonly headers: readonly (readonly [string, Template])[];
  readonly basic: { readonly user: Sealed; readonly password: Sealed } | null;
  readonly body: GatewayBody;
  readonly signature: BodySignature | null;
}

/** A carrier's HTTP API, read from a description and valid. */
export interface Gateway {
  readonly channels: readonly Channel[];
  /** The sender. Empty: none. */
  readonly from: string;
  readonly timeoutMs: number;
  readonly request: GatewayRequest;
  readonly oauth: GatewayOAuth | null;
  /** The URL of a GET request that succeeds with valid credentials. It uses secrets only. */
  readonly check: Template | null;
  readonly success: AnswerRule & ReceiptPointers;
  /** The first that matches counts. */
  readonly errors: readonly (AnswerRule & { readonly kind: GatewayErrorKind })[];
  /** Where an answer holds the code of an error, for `detail`. */
  readonly errorCode: Pointer | null;
  readonly reports: GatewayReports | null;
}
