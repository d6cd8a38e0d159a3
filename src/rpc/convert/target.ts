import type { ChallengeTarget } from "../../auth/challenge-target.js";
import { invalidField } from "../../auth/errors.js";
import type { Purpose } from "../../gen/latchkey/v1/challenge_pb.js";
import type { Identifier } from "../../model/identifier.js";
import { fromPurpose } from "./challenge.js";

/** The `identifier` of a request. Its cases are those of every request that names a user. */
type IdentifierField =
  | { readonly case: "email" | "phone" | "username" | "userId"; readonly value: string }
  | { readonly case: undefined; readonly value?: undefined };

const kinds = { email: "email", phone: "phone", username: "username", userId: "user_id" } as const;

export const fromIdentifier = ({
  case: kind,
  value,
}: IdentifierField & { readonly value: string }): { readonly kind: Identifier["kind"]; readonly value: string } => ({
  kind: kinds[kind],
  value,
});

/** Returns how a request names its challenge. Throws REQUEST_INVALID unless it does so in exactly one way. */
export function toTarget(
  { challengeId, identifier }: { readonly challengeId: string; readonly identifier: IdentifierField },
  purpose: Purpose,
): ChallengeTarget {
  if ((challengeId === "") === (identifier.case === undefined)) {
    throw invalidField("challenge_id", "give either challenge_id or one identifier");
  }
  if (identifier.case === undefined) return { kind: "challenge", challengeId };
  return { purpose: fromPurpose(purpose) ?? "login", ...fromIdentifier(identifier) };
}
