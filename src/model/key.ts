/** The uses of configured keys. */
export const keyUses = ["master", "pepper"] as const;

/** Names a master key or pepper. */
export interface KeyName {
  readonly use: (typeof keyUses)[number];
  readonly keyId: string;
}

/** The kinds of work that a process can't do without the right key. */
export type KeyWork = "deliver" | "verify" | "refresh" | "revoke" | "introspect";
