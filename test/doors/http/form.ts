/** An answer of an OAuth endpoint. */
export interface FormAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Null: the body is empty. */
  readonly json: Readonly<Record<string, unknown>> | null;
}

/** Posts a form to a path of a server. */
export async function postForm(
  url: string,
  params: Readonly<Record<string, string>> | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<FormAnswer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: typeof params === "string" ? params : new URLSearchParams(params).toString(),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text === "" ? null : JSON.parse(text) };
}
