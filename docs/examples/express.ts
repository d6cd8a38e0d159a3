// An Express backend that signs users in by e-mail code. Latchkey must trust its address: LATCHKEY_TRUSTED_PROXIES.
import { credentials, Metadata } from "@grpc/grpc-js";
import express, { type NextFunction, type Request, type Response } from "express";
import { AccessTokenError, createAccessTokenVerifier } from "latchkey-client";
import { createGrpcClient, errorDetails } from "latchkey-client/grpc";

const latchkey = createGrpcClient("localhost:50051", credentials.createInsecure());
const verify = createAccessTokenVerifier({ issuer: "http://localhost:8080" });
const app = express().use(express.json());

// Limits count by the user's address. Behind a proxy, set "trust proxy" to the proxy's address, never to true.
function forUser(request: Request) {
  const metadata = new Metadata();
  metadata.set("x-forwarded-for", request.ip ?? "");
  return { metadata };
}

app.post("/login", async (request, response) => {
  const identifier = { case: "email", value: String(request.body.email) } as const;
  const { challenge } = await latchkey.sendOtp({ identifier, createUserIfMissing: true }, forUser(request));
  response.json({ challengeId: challenge!.challengeId });
});
app.post("/login/code", async (request, response) => {
  const { challengeId, code } = request.body;
  const { tokens } = await latchkey.verifyOtp({ challengeId: String(challengeId), code: String(code) }, forUser(request));
  response.json({ accessToken: tokens!.accessToken, refreshToken: tokens!.refreshToken });
});
app.get("/me", async (request, response) => {
  const { userId } = await verify(request.get("authorization")?.replace(/^Bearer /i, "") ?? "");
  response.json({ userId });
});
app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
  const { reason, retryAfterMs } = error instanceof AccessTokenError ? { ...error, retryAfterMs: null } : errorDetails(error);
  if (reason === null) console.error(error);
  const statuses: Record<string, number> = { TOKEN_INVALID: 401, KEYS_UNAVAILABLE: 503 };
  const status = reason === null ? 500 : (statuses[reason] ?? (retryAfterMs === null ? 400 : 429));
  response.status(status).json({ reason, retryAfterMs });
});
app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1");
