export type ContactKind = "email" | "phone";

/** An address or number in canonical form. */
export interface Contact {
  readonly kind: ContactKind;
  readonly value: string;
}
