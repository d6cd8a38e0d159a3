import type { Transport } from "@connectrpc/connect";

/** Adds the headers that have a value to calls that do not have them. */
export function withHeaders(transport: Transport, headers: Readonly<Record<string, string | undefined>>): Transport {
  const completed = (header: HeadersInit | undefined) => {
    const all = new Headers(header);
    for (const [name, value] of Object.entries(headers)) if (value !== undefined && !all.has(name)) all.set(name, value);
    return all;
  };
  return {
    unary: (method, signal, timeoutMs, header, ...rest) =>
      transport.unary(method, signal, timeoutMs, completed(header), ...rest),
    stream: (method, signal, timeoutMs, header, ...rest) =>
      transport.stream(method, signal, timeoutMs, completed(header), ...rest),
  };
}

export function withToken(header: HeadersInit | undefined, token: string): Headers {
  const headers = new Headers(header);
  headers.set("authorization", `Bearer ${token}`);
  return headers;
}
