import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** HTTP/1.1, or HTTP/2 under TLS. */
export type WebRequest = IncomingMessage | Http2ServerRequest;
export type WebResponse = ServerResponse | Http2ServerResponse;

/** All values of a header. Node's `headers` keep only the first value of some headers. */
export function headerValues(request: WebRequest, name: string): string[] {
  const { rawHeaders } = request;
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const header = rawHeaders[at]!;
    if (header.length === name.length && header.toLowerCase() === name) values.push(rawHeaders[at + 1]!);
  }
  return values;
}

/** The path of a request without its query. */
export function pathOf(request: WebRequest): string {
  return request.url?.split("?", 1)[0] ?? "";
}
