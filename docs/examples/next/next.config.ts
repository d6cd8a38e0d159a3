import type { NextConfig } from "next";

// Read when the app is built. The Next.js server reaches Latchkey here.
const latchkeyUrl = process.env.LATCHKEY_URL ?? "http://localhost:8080";

// Browsers call Latchkey through this app. So the cookie belongs to the app's host, and the app's server gets it with every request.
export default {
  rewrites: async () => [
    { source: "/latchkey.v1.AuthService/:method", destination: `${latchkeyUrl}/latchkey.v1.AuthService/:method` },
  ],
} satisfies NextConfig;
