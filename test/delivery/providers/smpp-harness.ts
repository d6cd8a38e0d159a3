import { afterEach } from "vitest";
import { createSmppProvider, type SmppOptions } from "../../../src/delivery/providers/smpp.js";
import { type Center, type CenterOptions, login, startCenter } from "./smpp-center.js";

const opened: (() => Promise<void>)[] = [];

/** Called once by every file of tests: closes what a test opened. */
export function useCenters(): void {
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });
}

export async function center(options: CenterOptions = {}): Promise<Center> {
  const started = await startCenter(options);
  opened.push(started.stop);
  return started;
}

/** Five minutes before the messages of the fixtures expire. */
export const sentAt = Date.parse("2026-01-05T10:00:00Z");

export function smppOptions(port: number, change: Partial<SmppOptions> = {}): SmppOptions {
  return {
    host: "127.0.0.1",
    port,
    secure: false,
    ca: null,
    insecure: false,
    systemId: login.systemId,
    password: { reveal: () => login.password },
    systemType: "",
    serviceType: "",
    from: { address: "Latchkey", ton: 5, npi: 0 },
    window: 10,
    perSecond: null,
    validity: "relative",
    receiptId: null,
    waitMs: 10,
    clock: () => sentAt,
    ...change,
  };
}

export function smpp(port: number, change: Partial<SmppOptions> = {}) {
  const provider = createSmppProvider(smppOptions(port, change));
  opened.push(provider.close);
  return provider;
}
