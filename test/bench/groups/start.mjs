import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials } from "@grpc/grpc-js";
import { drive, median } from "../measure.mjs";

const serving = Buffer.from([8, 1]);

/** From the start of the process to a gRPC health check that says SERVING, and what the process holds when it has nothing to do. */
export async function measureStart({ stage, load, rounds, report }) {
  const mail = await stage.startMail("mail-idle", 0);
  const seen = { first: [], later: [], rssMb: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of ["first", "later"]) {
      const startedAt = performance.now();
      const started = await stage.startShipped(`start-${kind}-${round}`, { mailPort: mail.port, empty: kind === "first" });
      await checkHealth(started.target.port);
      seen[kind].push(performance.now() - startedAt);
      if (kind === "later") seen.rssMb.push(await idleMemory(load, started));
      await started.server.stop();
    }
  }
  await mail.server.stop();
  report.add("from start to serving, empty database", { value: median(seen.first), unit: "ms", atMost: 500 });
  report.add("from start to serving", { value: median(seen.later), unit: "ms", atMost: 500 });
  report.add("idle memory after a few logins", { value: median(seen.rssMb), unit: "MB", atMost: 140 });
}

async function idleMemory(load, started) {
  await drive({ load, ...started }, "login", { clients: 4, ms: 300 });
  await sleep(1000);
  return (await started.server.ask("usage")).rssMb;
}

function checkHealth(port) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const bytes = (value) => value;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest("/grpc.health.v1.Health/Check", bytes, bytes, Buffer.alloc(0), (error, reply) => {
      client.close();
      if (error !== null) reject(error);
      else if (!reply.equals(serving)) reject(new Error("not serving"));
      else resolve();
    });
  });
}
