export type ContactKind = "email" | "phone";

/** An e-mail address or phone number in canonical form. */
export interface Contact {
  readonly kind: ContactKind;
  readonly value: string;
}
