import { createServer, type Server, type Socket } from "node:net";
import { afterEach } from "vitest";
import type { Provider } from "../../../src/delivery/provider.js";
import { createSmtpProvider, type SmtpOptions } from "../../../src/delivery/providers/smtp.js";
import { type MailServer, type MailServerOptions, startMailServer } from "../../support/smtp.js";
import { createAuthority } from "../../support/tls.js";

/** What the providers of `smtp` trust. */
export const authority = createAuthority();

const opened: (() => Promise<void>)[] = [];

/** Called once by every file of tests: closes what a test opened. */
export function useMailServers(): void {
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });
}

export async function mailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const server = await startMailServer(options);
  opened.push(server.stop);
  return server;
}

export function smtp(port: number, options: Partial<SmtpOptions> = {}): Provider {
  const provider = createSmtpProvider({
    host: "127.0.0.1",
    port,
    secure: false,
    user: null,
    password: null,
    from: { name: "Latchkey", address: "codes@example.org" },
    starttls: "optional",
    ca: authority.cert,
    ...options,
  });
  opened.push(provider.close);
  return provider;
}

/** A server on loopback that does as `onConnection` says. Gives its port. */
export async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    opened.push(async () => void socket.destroy());
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push(() => new Promise((resolve) => server.close(() => resolve())));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
