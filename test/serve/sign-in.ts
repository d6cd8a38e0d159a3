import { Metadata } from "@grpc/grpc-js";
import { errorDetails } from "../../src/client/grpc.js";
import type { TokenSet } from "../../src/gen/latchkey/v1/session_pb.js";
import { type Server, until } from "../support/server.js";

export interface Sent {
  readonly challengeId: string;
  readonly code: string;
}

/** Has a code sent in development and reads it in the inbox of the server that sent it: any of those that share the database. */
export async function sendCode(on: Server, email: string, among: readonly Server[] = [on]): Promise<Sent> {
  const { challenge } = await on.grpc.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
  const { challengeId } = challenge!;
  const code = await until("the code", async () => {
    const inboxes = await Promise.all(among.map((server) => server.inbox(email)));
    return inboxes.flat().find((message) => message.challengeId === challengeId)?.code;
  });
  return { challengeId, code };
}

export async function signIn(on: Server, email: string, among?: readonly Server[]): Promise<TokenSet> {
  const { tokens } = await on.grpc.verifyOtp(await sendCode(on, email, among));
  return tokens!;
}

export function bearer(accessToken: string): { readonly metadata: Metadata } {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${accessToken}`);
  return { metadata };
}

/** The reason of a refusal; null when the call succeeds. */
export async function reasonOf(call: Promise<unknown>): Promise<string | null> {
  return await call.then(
    () => null,
    (error: unknown) => errorDetails(error).reason ?? String(error),
  );
}

export function keyIdOf(token: string): string {
  return (JSON.parse(Buffer.from(token.split(".")[0]!, "base64url").toString()) as { kid: string }).kid;
}
