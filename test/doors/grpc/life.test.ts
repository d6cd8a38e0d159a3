import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { promisify } from "node:util";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { AuthService } from "../../../src/gen/latchkey/v1/auth_service_pb.js";
import { toChallenge } from "../../../src/rpc/convert/challenge.js";
import { challenge, createFakeApp, type Doors, type FakeApp, openDoors } from "../../support/rpc.js";
import { failureOf } from "../callers.js";
import { deferred, frame, rawGrpc } from "../raw.js";
import { ownDoors, ownSession } from "./own.js";

const { sendOtp } = AuthService.method;
const sendRequest = { identifier: { case: "email" as const, value: "ada@example.com" } };

let app: FakeApp;
let doors: Doors;
beforeAll(async () => {
  app = createFakeApp();
  doors = await openDoors(app);
});
afterAll(async () => await doors.stop());

const session = (address = doors.grpcAddress) => ownSession(address);

describe("health and reflection", () => {
  it("health says SERVING for the server and its service until the door drains", async () => {
    const { doors } = await ownDoors();
    const client = new Client(doors.grpcAddress, credentials.createInsecure());
    onTestFinished(() => client.close());
    const check = healthService.Check!;
    const ask = (service: string) =>
      new Promise((resolve) => {
        client.makeUnaryRequest(check.path, check.requestSerialize, check.responseDeserialize, { service }, (error, answer) =>
          resolve(error === null ? answer : (error as ServiceError).code),
        );
      });
    expect(await ask("")).toMatchObject({ status: "SERVING" });
    expect(await ask("latchkey.v1.AuthService")).toMatchObject({ status: "SERVING" });
    expect(await ask("other")).toBe(5);
    doors.grpc.setServing(false);
    expect(await ask("")).toMatchObject({ status: "NOT_SERVING" });
  });

  it.each(["v1", "v1alpha"])("M06: reflection %s is there only when it is wanted", async (version) => {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const listServices = frame(Buffer.from([0x3a, 0x01, 0x2a]));
    const listed = await rawGrpc(session(), { path, body: [listServices] });
    expect(String(listed.headers["grpc-status"])).toBe("0");
    expect(listed.body.toString("latin1")).toContain("latchkey.v1.AuthService");
    const { doors } = await ownDoors({ reflection: false });
    const hidden = await rawGrpc(session(doors.grpcAddress), { path, body: [listServices] });
    expect(String(hidden.headers["grpc-status"])).toBe("12");
  });

  const grpcurl = promisify(execFile);
  const installed = spawnSync("grpcurl", ["-version"]).status === 0;

  it.runIf(installed)("grpcurl lists, describes with access rules, calls and names error details", async () => {
    const run = async (...args: string[]) =>
      await grpcurl("grpcurl", ["-plaintext", ...args]).then(
        ({ stdout }) => stdout,
        (error: { stderr: string }) => error.stderr,
      );
    expect(await run(doors.grpcAddress, "list")).toBe("grpc.health.v1.Health\nlatchkey.v1.AuthService\n");
    const described = await run(doors.grpcAddress, "describe", "latchkey.v1.AuthService.DeleteCurrentUser");
    expect(described).toContain("option (.latchkey.v1.access) = { caller: CALLER_USER, recent: true }");
    expect(await run("-d", '{"email":"ada@example.com"}', doors.grpcAddress, "latchkey.v1.AuthService/SendOtp")).toContain(
      "maskedDestination",
    );
    expect(await run("-d", '{"email":""}', doors.grpcAddress, "latchkey.v1.AuthService/SendOtp")).toContain(
      '"reason": "REQUEST_INVALID"',
    );
    expect(await run(doors.grpcAddress, "grpc.health.v1.Health/Check")).toContain("SERVING");
  });
});

describe("the end of the gRPC door", () => {
  it("lets a running call end, takes no new connection, and does not wait for those who watch health", async () => {
    const { app, doors, caller } = await ownDoors();
    const entered = deferred();
    const release = deferred();
    app.sendOtp = async () => {
      entered.resolve();
      await release.promise;
      return { challenge: toChallenge(challenge) };
    };
    const client = new Client(doors.grpcAddress, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
    const watch = healthService.Watch!;
    const watching = client.makeServerStreamRequest(watch.path, watch.requestSerialize, watch.responseDeserialize, {
      service: "",
    });
    watching.on("error", () => {});
    const heard: unknown[] = [];
    watching.on("data", (status) => heard.push(status));
    await once(watching, "data");

    const call = caller.call(sendOtp, sendRequest);
    await entered.promise;
    const started = performance.now();
    const drained = doors.grpc.drain(10_000);
    const late = createConnection(Number(doors.grpcAddress.split(":")[1]), "127.0.0.1");
    expect(await once(late, "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
    release.resolve();
    expect((await call).challenge?.challengeId).toBe(challenge.challengeId);
    await drained;
    client.close();
    expect(performance.now() - started).toBeLessThan(2000);
    expect(heard).toContainEqual({ status: "NOT_SERVING" });
  });

  it("ends calls that take longer than it is given", async () => {
    const { app, doors, caller } = await ownDoors();
    const entered = deferred();
    app.sendOtp = async () => {
      entered.resolve();
      return await new Promise(() => {});
    };
    const call = failureOf(caller.call(sendOtp, sendRequest));
    await entered.promise;
    await doors.grpc.drain(50);
    expect([1, 14]).toContain((await call).code);
  });
});
