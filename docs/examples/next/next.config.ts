import type { NextConfig } from "next";

// Read when the app is built. The Next.js server reaches Latchkey here.
const latchkeyUrl = process.env.LATCHKEY_URL ?? "http://localhost:8080";

// Browsers call Latchkey on the app's own host. So the cookie belongs to this host, and the app's server gets it with every request. In
// production let the proxy in front of the app pass this path to Latchkey, because Next.js does not pass the browser's address on.
export default {
  rewrites: async () => [
    { source: "/latchkey.v1.AuthService/:method", destination: `${latchkeyUrl}/latchkey.v1.AuthService/:method` },
  ],
} satisfies NextConfig;
