import type { Actor } from "../apps/actor.js";
import { invalidField } from "../auth/errors.js";
import type { App } from "../model/app.js";
import type { Contact, ContactKind } from "../model/contact.js";
import { canonicalContact } from "../model/identifier.js";
import type { EpochMs } from "../model/time.js";
import { isViolation } from "../model/violation.js";
import { type AccountsDeps, requireScope } from "./deps.js";
import type { GivenContact } from "./member-fields.js";

/** The contacts of a request, and why some of them count as verified. */
export interface ContactsInput {
  readonly contacts: readonly Contact[];
  /** The caller says so. Needs `users:verify`. */
  readonly marked: readonly ContactKind[];
  /** Contact proofs, made for the calling client. */
  readonly proofs: readonly string[];
}

/**
 * Returns the contacts with the time of verification where a mark or a proof verifies them. Throws SCOPE_MISSING for a mark
 * without `users:verify`, and REQUEST_INVALID for marks and proofs that belong to no contact of the request.
 */
export async function withVerification(
  deps: AccountsDeps,
  actor: Actor,
  { app, input, proofField }: { readonly app: App; readonly input: ContactsInput; readonly proofField: string },
): Promise<readonly GivenContact[]> {
  const { contacts, marked, proofs } = input;
  if (marked.length > 0) requireScope(actor, "users:verify");
  const now = deps.clock();
  const proven = await Promise.all(proofs.map((proof) => contactOf(deps, actor, { proof, now })));
  const proves = (proof: Contact | null, { kind, value }: Contact): boolean => {
    const canonical = canonicalContact(app.policy, kind, value);
    return proof?.kind === kind && !isViolation(canonical) && proof.value === canonical.value;
  };
  const verified = contacts.map((contact) => marked.includes(contact.kind) || proven.some((proof) => proves(proof, contact)));
  if (marked.some((kind) => !contacts.some((contact) => contact.kind === kind))) {
    throw invalidField("verified", "names a contact that the request does not have");
  }
  if (!proven.every((proof) => contacts.some((contact) => proves(proof, contact)))) {
    throw invalidField(proofField, "is not a valid proof, made for the calling client, of a contact of the request");
  }
  return contacts.map((contact, index) => ({ ...contact, verifiedAt: verified[index] ? now : null }));
}

/** Returns null if the proof is not good, or not the calling client's. */
async function contactOf(
  deps: AccountsDeps,
  { client }: Actor,
  { proof, now }: { readonly proof: string; readonly now: EpochMs },
): Promise<Contact | null> {
  const claims = client === null ? null : await deps.accessTokens.verifyProof(proof, now);
  if (claims === null || claims.clientId !== client?.clientId) return null;
  // An older proof was made for a deleted client with the same id.
  return claims.issuedAt + skewMs < client.createdAt ? null : claims.contact;
}

/** Clocks of processes differ by at most a second, and tokens have whole seconds. */
const skewMs = 5_000;
