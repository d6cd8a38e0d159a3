/** Names a master key or pepper. */
export interface KeyName {
  readonly use: "master" | "pepper";
  readonly keyId: string;
}

/** The kinds of work that a process can't do without the right key. */
export type KeyWork = "deliver" | "verify" | "refresh" | "revoke" | "introspect";
