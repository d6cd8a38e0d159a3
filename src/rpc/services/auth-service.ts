import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { deleteCurrentUser } from "../../auth/delete-current-user.js";
import type { Deps } from "../../auth/deps.js";
import { accepted, invalidField } from "../../auth/errors.js";
import { approveChallenge, cancelChallenge, getChallenge, type ManagedChallenge } from "../../auth/manage-challenge.js";
import { type CurrentUser, currentUser } from "../../auth/membership.js";
import type { GivenSession } from "../../auth/new-session.js";
import { reportNotMe } from "../../auth/not-me.js";
import { refreshToken } from "../../auth/refresh-token.js";
import { registerUser } from "../../auth/register-user.js";
import { revokeToken } from "../../auth/revoke-token.js";
import { type SendOtpInput, sendOtp } from "../../auth/send-otp.js";
import { listSessions, revokeOtherSessions, revokeSession } from "../../auth/sessions.js";
import { type StartContactChangeInput, startContactChange } from "../../auth/start-contact-change.js";
import { takeBackContact } from "../../auth/take-back-contact.js";
import { updateCurrentUser } from "../../auth/update-current-user.js";
import { type VerifyOtpResult, verifyOtp } from "../../auth/verify-otp.js";
import {
  type ApproveChallengeRequest,
  type AuthService,
  type CancelChallengeRequest,
  type GetChallengeRequest,
  RefreshTokenRequestSchema,
  RegisterUserRequestSchema,
  type SendOtpRequest,
  SendOtpRequestSchema,
  type StartContactChangeRequest,
  StartContactChangeRequestSchema,
  type UpdateCurrentUserRequest,
  VerifyOtpRequestSchema,
  type VerifyOtpResponseSchema,
} from "../../gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../gen/latchkey/v1/challenge_pb.js";
import { customAttributesText } from "../../model/custom-attributes.js";
import { fromChannel, fromPurpose, toChallenge, toManagedChallenge, toPurpose } from "../convert/challenge.js";
import { fromContactKinds, toContact, toContactKind } from "../convert/contact.js";
import { toIdempotency } from "../convert/idempotency.js";
import { fromSessionKind, toSession, toTokenSet } from "../convert/session.js";
import { fromIdentifier, toTarget } from "../convert/target.js";
import { toUser } from "../convert/user.js";
import { fromMessageWords } from "../convert/wording.js";
import type { Handlers } from "../pipeline.js";

/** The methods of latchkey.v1.AuthService. They turn requests into calls of use cases and results into responses. */
export function createAuthService(deps: Deps): Handlers<typeof AuthService> {
  return {
    forClients: signInMethods(deps),
    forUsers: ownAccountMethods(deps),
    forAnyone: {
      async reportNotMe(caller, { token }) {
        await reportNotMe(deps, caller, { token });
        return {};
      },

      async takeBackContact(caller, { token }) {
        await takeBackContact(deps, caller, { token });
        return {};
      },
    },
  };
}

function signInMethods(deps: Deps): Handlers<typeof AuthService>["forClients"] {
  const managed = (found: ManagedChallenge) => ({ challenge: toManagedChallenge(found, deps.clock()) });
  return {
    async registerUser(caller, request) {
      const { username, email, phone, displayName, locale } = request;
      // Check the bounds before the MAC: the canonical form of a request takes time that grows with the attributes.
      const customAttributes = accepted(customAttributesText(request.customAttributes));
      const idempotency = toIdempotency(RegisterUserRequestSchema, request);
      const verificationSources = fromContactKinds(request.verificationSources);
      const profile = { username, email, phone, displayName, locale, customAttributes };
      const challenges = await registerUser(deps, caller, { verificationSources, idempotency, ...profile });
      return { challenges: challenges.map(toChallenge) };
    },

    async sendOtp(caller, request) {
      const challenge = await sendOtp(deps, caller, {
        recipient: recipientIn(request),
        channel: fromChannel(request.channel),
        purpose: fromPurpose(request.purpose) ?? "login",
        createUserIfMissing: request.createUserIfMissing,
        reuseLive: request.reuseLive,
        code: {
          ttlMs: request.codeTtl && durationMs(request.codeTtl),
          length: request.codeLength,
          custom: request.customCode === "" ? undefined : request.customCode,
        },
        words: fromMessageWords(request),
        locale: request.locale,
        customAttributes: accepted(customAttributesText(request.customAttributes)),
        idempotency: toIdempotency(SendOtpRequestSchema, request),
      });
      return { challenge: toChallenge(challenge) };
    },

    async verifyOtp(caller, request) {
      const result = await verifyOtp(deps, caller, {
        target: toTarget(request, request.expectedPurpose),
        code: request.code,
        expectedPurpose: fromPurpose(request.expectedPurpose),
        expectedContact: request.expectedContact,
        mayCreateUser: request.createUserIfMissing ?? true,
        newestOnly: request.newestOnly,
        session: fromSessionKind(request.session),
        idempotency: toIdempotency(VerifyOtpRequestSchema, request),
      });
      return verified(result);
    },

    async getChallenge(caller, request) {
      return managed(await getChallenge(deps, caller, managedTarget(request)));
    },

    async cancelChallenge(caller, request) {
      return managed(await cancelChallenge(deps, caller, managedTarget(request)));
    },

    async approveChallenge(caller, request) {
      return managed(await approveChallenge(deps, caller, managedTarget(request)));
    },

    async refreshToken(caller, request) {
      const idempotency = toIdempotency(RefreshTokenRequestSchema, request);
      const tokens = await refreshToken(deps, caller, { refreshToken: request.refreshToken, idempotency });
      return { tokens: toTokenSet(tokens) };
    },

    async revokeToken(caller, request) {
      await revokeToken(deps, caller, { token: request.token });
      return {};
    },
  };
}

function ownAccountMethods(deps: Deps): Handlers<typeof AuthService>["forUsers"] {
  return {
    async getCurrentUser(caller) {
      return own(await currentUser(deps, caller, caller.user));
    },

    async updateCurrentUser(caller, request) {
      return own(await updateCurrentUser(deps, caller, changes(request)));
    },

    async startContactChange(caller, request) {
      const challenge = await startContactChange(deps, caller, {
        contact: newContactIn(request),
        replace: request.replace,
        idempotency: toIdempotency(StartContactChangeRequestSchema, request),
      });
      return { challenge: toChallenge(challenge) };
    },

    async deleteCurrentUser(caller) {
      await deleteCurrentUser(deps, caller);
      return {};
    },

    async listSessions(caller) {
      const sessions = await listSessions(deps, caller);
      return { sessions: sessions.map((session) => toSession(session, caller.session.sessionId)) };
    },

    async revokeSession(caller, request) {
      await revokeSession(deps, caller, { sessionId: request.sessionId });
      return {};
    },

    async revokeOtherSessions(caller) {
      return { revokedCount: await revokeOtherSessions(deps, caller) };
    },
  };
}

function own(current: CurrentUser) {
  return { user: toUser(current.user, current) };
}

function newContactIn({ contact }: StartContactChangeRequest): StartContactChangeInput["contact"] {
  if (contact.case === undefined) throw new Error("validation accepted a request without a contact");
  return { kind: contact.case, value: contact.value };
}

function recipientIn({ identifier }: SendOtpRequest): SendOtpInput["recipient"] {
  if (identifier.case === undefined) throw new Error("validation accepted a request without an identifier");
  if (identifier.case === "challengeId") return { kind: "challenge", challengeId: identifier.value };
  return fromIdentifier(identifier);
}

function managedTarget(request: GetChallengeRequest | CancelChallengeRequest | ApproveChallengeRequest) {
  if (request.challengeId !== "" && request.purpose !== Purpose.UNSPECIFIED) {
    throw invalidField("purpose", "not valid with challenge_id: leave it out");
  }
  return toTarget(request, request.purpose);
}

function changes(request: UpdateCurrentUserRequest) {
  const paths = request.updateMask?.paths ?? [];
  return {
    displayName: paths.includes("display_name") ? request.displayName : undefined,
    locale: paths.includes("locale") ? request.locale : undefined,
    customAttributes: paths.includes("custom_attributes")
      ? accepted(customAttributesText(request.customAttributes))
      : undefined,
  };
}

function verified(result: VerifyOtpResult): MessageInitShape<typeof VerifyOtpResponseSchema> {
  const { isTest: test } = result;
  const contact = toContact(result.contact, test ? null : result.provenAt);
  const proven = { purpose: toPurpose(result.purpose), contact, test };
  switch (result.kind) {
    case "signed_in":
      return {
        ...(result.session !== null && given(result.session)),
        user: toUser(result.user, result),
        isNewUser: result.isNewUser,
        usernameTaken: result.usernameTaken,
        ...proven,
      };
    case "pending":
      return { registration: { pendingSources: result.pendingSources.map(toContactKind) }, ...proven };
    case "proven":
      return { contactProof: result.contactProof, ...proven };
    case "contact_changed":
      return { user: toUser(result.user, result), ...proven };
  }
}

function given(session: GivenSession) {
  if (session.kind === "tokens") return { tokens: toTokenSet(session.tokens), sessionId: session.tokens.sessionId };
  const { sessionId, credential, expiresAt } = session;
  return { sessionId, sessionCredential: credential ?? "", sessionCredentialExpiresAt: timestampFromMs(expiresAt) };
}
