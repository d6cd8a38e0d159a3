// A Fastify backend that signs users in by e-mail code, as a confidential client. In development, .latchkey/clients.json has one.
import { credentials } from "@grpc/grpc-js";
import fastify from "fastify";
import { AccessTokenError, createAccessTokenVerifier } from "latchkey-client";
import { createServiceClient, errorDetails } from "latchkey-client/grpc";

const latchkey = createServiceClient({
  target: "localhost:50051",
  credentials: credentials.createInsecure(), // Leave this out in production: the default is TLS.
  clientId: process.env.CLIENT_ID ?? "default-backend",
  clientSecret: process.env.CLIENT_SECRET ?? "",
});
const verify = createAccessTokenVerifier({ issuer: "http://localhost:8080" });
const app = fastify();

// Limits count by the user's address. Behind a proxy, set `trustProxy` to the proxy's address, never to true.
app.post<{ Body: { email: string } }>("/login", async (request) => {
  const identifier = { case: "email", value: String(request.body.email) } as const;
  const { challenge } = await latchkey.forEndUser(request.ip).auth.sendOtp({ identifier, createUserIfMissing: true });
  return { challengeId: challenge!.challengeId };
});
app.post<{ Body: { challengeId: string; code: string } }>("/login/code", async (request) => {
  const { challengeId, code } = request.body;
  const { auth } = latchkey.forEndUser(request.ip);
  const { tokens } = await auth.verifyOtp({ challengeId: String(challengeId), code: String(code) });
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
