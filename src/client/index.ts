/** The exports of `latchkey-client`, for browsers and Node. */
export { AccessTokenError, type AccessTokenErrorReason } from "./access-token-error.js";
export {
  type AccessTokenClaims,
  type AccessTokenVerifier,
  type AccessTokenVerifierOptions,
  type ClientTokenClaims,
  createAccessTokenVerifier,
  type UserTokenClaims,
} from "./access-token-verifier.js";
export type { CallSettings } from "./call-settings.js";
export type { SessionChange, SignedIn } from "./changes.js";
export { errorDetails } from "./connect-error-details.js";
export type { CookieClient, CookieClientOptions } from "./cookie-client.js";
export type { ErrorDetails, ErrorReasonName } from "./error-details.js";
export { indexedDbTokenStore } from "./indexed-db-token-store.js";
export { createLatchkeyClient, type LatchkeyClient, type LatchkeyClientOptions } from "./latchkey-client.js";
export { memoryTokenStore, type StoredSession, type TokenStore } from "./token-store.js";
