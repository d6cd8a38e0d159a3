const wrapper = { statusCode: 200, error: "" } as const;

/**
 * SolidX's pages show bare bodies, and its server wraps them. So an answer has both: the keys of the pages at the top, and all keys in
 * `data`. Answers of 201 say 200 too, which SolidX's pages check.
 */
export function wrapped<Bare extends object>(bare: Bare) {
  return { ...wrapper, message: [] as string[], data: bare, ...bare };
}

/** As `wrapped`, for an answer with a sentence. `more` is only in `data`. */
export function said<Bare extends object, More extends object>(message: string, bare: Bare, more: More) {
  return { ...wrapper, message, data: { message, ...bare, ...more }, ...bare };
}
