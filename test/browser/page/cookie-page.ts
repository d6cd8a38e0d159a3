import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { createLatchkeyClient, errorDetails } from "../../../src/client/index.js";

declare const API_URL: string;

/** The app of the browser suite in cookie mode, on Connect, or on gRPC-Web with `?grpc-web`. */
const withCookies: typeof fetch = (input, init) => fetch(input, { ...init, credentials: "include" });
const client = createLatchkeyClient({
  baseUrl: API_URL,
  clientId: "default-web",
  session: "cookie",
  ...(location.search === "?grpc-web" ? { transport: createGrpcWebTransport({ baseUrl: API_URL, fetch: withCookies }) } : {}),
});
let challengeId = "";

const element = (id: string) => document.getElementById(id) as HTMLInputElement;

function on(formId: string, submit: () => Promise<void>): void {
  element(formId).addEventListener("submit", (event) => {
    event.preventDefault();
    element("trouble").textContent = "";
    submit().catch((error: unknown) => {
      element("trouble").textContent = `${errorDetails(error).reason ?? "NETWORK"}: ${String(error)}`;
    });
  });
}

async function showUser(): Promise<void> {
  const user = await client.currentUser();
  element("who").textContent = user?.contacts[0]?.value ?? "nobody";
}

on("send", async () => {
  const identifier = { case: "email", value: element("email").value } as const;
  const { challenge } = await client.auth.sendOtp({ identifier, createUserIfMissing: true });
  challengeId = challenge?.challengeId ?? "";
});
on("verify", async () => {
  await client.auth.verifyOtp({ challengeId, code: element("code").value });
  await showUser();
});
showUser().catch((error: unknown) => {
  element("trouble").textContent = String(error);
});

const app = { client, showUser };
export type CookieApp = typeof app;
Object.assign(globalThis, { app });
