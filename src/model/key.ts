/** A master key or pepper by its name. */
export interface KeyName {
  readonly use: "master" | "pepper";
  readonly keyId: string;
}

/** What a process can't do without the key that something was made with. */
export type KeyWork = "deliver" | "verify" | "refresh" | "revoke";
