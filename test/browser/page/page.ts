import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { createLatchkeyClient, errorDetails, type SessionChange } from "../../../src/client/index.js";

declare const API_URL: string;

/** The app of the browser suite: a sign-in form as an app would write it, on Connect, or on gRPC-Web with `?grpc-web`. */
const isGrpcWeb = location.search === "?grpc-web";
const client = createLatchkeyClient({
  baseUrl: API_URL,
  clientId: "default-web",
  ...(isGrpcWeb ? { transport: createGrpcWebTransport({ baseUrl: API_URL }) } : {}),
});
const changes: SessionChange[] = [];
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
  const who = (await client.session()) === null ? null : (await client.auth.getCurrentUser({})).user;
  element("who").textContent = who?.contacts[0]?.value ?? "nobody";
}

on("send", async () => {
  const identifier = { case: "email", value: element("email").value } as const;
  const { challenge } = await client.auth.sendOtp({ identifier, createUserIfMissing: true });
  challengeId = challenge?.challengeId ?? "";
  element("code").focus();
});
on("verify", async () => {
  await client.auth.verifyOtp({ challengeId, code: element("code").value });
  await showUser();
});
client.onChange((change) => {
  changes.push(change);
  if (change.kind === "signed-out") element("who").textContent = "nobody";
});
showUser().catch((error: unknown) => {
  element("trouble").textContent = String(error);
});

const app = { client, changes, showUser };
export type App = typeof app;
Object.assign(globalThis, { app });
