// A Fastify backend that signs users in by e-mail code. Latchkey must trust its address: LATCHKEY_TRUSTED_PROXIES.
import { credentials, Metadata } from "@grpc/grpc-js";
import fastify, { type FastifyRequest } from "fastify";
import { AccessTokenError, createAccessTokenVerifier } from "latchkey-client";
import { createGrpcClient, errorDetails } from "latchkey-client/grpc";

const latchkey = createGrpcClient("localhost:50051", credentials.createInsecure());
const verify = createAccessTokenVerifier({ issuer: "http://localhost:8080" });
const app = fastify();

// Limits count by the user's address. Behind a proxy, set `trustProxy` to the proxy's address, never to true.
function forUser(request: Pick<FastifyRequest, "ip">) {
  const metadata = new Metadata();
  metadata.set("x-forwarded-for", request.ip);
  return { metadata };
}

app.post<{ Body: { email: string } }>("/login", async (request) => {
  const identifier = { case: "email", value: String(request.body.email) } as const;
  const { challenge } = await latchkey.sendOtp({ identifier, createUserIfMissing: true }, forUser(request));
  return { challengeId: challenge!.challengeId };
});
app.post<{ Body: { challengeId: string; code: string } }>("/login/code", async (request) => {
  const { challengeId, code } = request.body;
  const { tokens } = await latchkey.verifyOtp({ challengeId: String(challengeId), code: String(code) }, forUser(request));
  return { accessToken: tokens!.accessToken, refreshToken: tokens!.refreshToken };
});
app.get("/me", async (request) => {
  const { userId } = await verify(request.headers.authorization?.replace(/^Bearer /i, "") ?? "");
  return { userId };
});
app.setErrorHandler((error, _request, reply) => {
  const { reason, retryAfterMs } = error instanceof AccessTokenError ? { ...error, retryAfterMs: null } : errorDetails(error);
  if (reason === null) console.error(error);
  const statuses: Record<string, number> = { TOKEN_INVALID: 401, KEYS_UNAVAILABLE: 503 };
  const status = reason === null ? 500 : (statuses[reason] ?? (retryAfterMs === null ? 400 : 429));
  return reply.code(status).send({ reason, retryAfterMs });
});
await app.listen({ port: Number(process.env.PORT ?? 3000) });
