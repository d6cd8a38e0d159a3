export interface Finding {
  readonly kind: "ok" | "warning" | "problem";
  readonly text: string;
}

export function ok(text: string): Finding {
  return { kind: "ok", text };
}

export function warning(text: string): Finding {
  return { kind: "warning", text };
}

export function problem(text: string): Finding {
  return { kind: "problem", text };
}
