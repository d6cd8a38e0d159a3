import { Agent, request as send } from "node:http";
import { type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import type { InboxMessage } from "../../../../src/delivery/taps/inbox.js";
import { dialectDefinitions } from "../../../../src/doors/http/dialects/plugins.js";
import type { Dialect } from "../../../../src/model/dialect.js";
import { serviceSidOf } from "../../../../src/model/vendor-ids.js";
import { eventually, startTestApp, type TestApp } from "../../../support/app.js";
import { postForm } from "../form.js";
import { createGenerator, type GeneratedRequest, type GeneratorOptions } from "./generated-requests.js";
import type { OpenApi } from "./openapi.js";

interface Row {
  /** The body of every refusal. */
  readonly error: TSchema;
  /** The paths whose bodies are forms. Left out: none. */
  readonly forms?: RegExp;
  /** Values of fields that the generator can't guess from their names. Left out: none. */
  readonly values?: GeneratorOptions["values"];
  /** A part of the paths as the description has it, and with what a caller would write. Left out: none. */
  readonly fill?: readonly [template: string, value: string];
}

const closed = { additionalProperties: false };
const text = Type.String({ minLength: 1 });
const status = Type.Integer({ minimum: 400, maximum: 499 });

const rows: Readonly<Partial<Record<Dialect, Row>>> = {
  biot: {
    error: Type.Object(
      {
        code: Type.String({ pattern: "^[A-Z][A-Z_]+$" }),
        message: text,
        serviceName: text,
        traceId: Type.String({ pattern: "^[0-9a-f]{16}$" }),
        environment: Type.Literal("latchkey"),
        details: Type.Record(Type.String(), Type.Unknown()),
      },
      closed,
    ),
  },
  bridgekeeper: { error: Type.Object({ message: text, error: Type.Object({ message: text }, closed) }, closed) },
  solidx: {
    error: Type.Object(
      {
        statusCode: status,
        statusCodeMessage: text,
        message: text,
        errorCode: Type.String({ pattern: "^(solidx-[a-z-]+|[A-Z][A-Z_]+)$" }),
        error: text,
        data: Type.Object(
          { message: Type.Union([text, Type.Array(text, { minItems: 1 })]), error: text, statusCode: status },
          closed,
        ),
      },
      closed,
    ),
  },
  transmit: {
    forms: /^\/oidc\/token$/,
    error: Type.Union([
      Type.Object({ error_code: Type.String({ pattern: "^[a-z][a-z_]+$" }), message: text }, closed),
      Type.Object(
        {
          message: Type.Union([text, Type.Array(text, { minItems: 1 })]),
          error_code: status,
          ts_error_code: Type.Optional(text),
          error: Type.Optional(text),
          error_description: Type.Optional(text),
        },
        closed,
      ),
    ]),
  },
  beem: {
    values: { appId: 1 },
    error: Type.Object(
      {
        data: Type.Object(
          { message: Type.Object({ code: Type.Integer({ minimum: 101, maximum: 118 }), message: text }, closed) },
          closed,
        ),
      },
      closed,
    ),
  },
  twilio: {
    forms: /^\/v2\/Services\//,
    fill: ["{service}", serviceSidOf("default")],
    error: Type.Object(
      {
        code: Type.Integer(),
        message: text,
        more_info: Type.String({ pattern: "^https://www.twilio.com/docs/errors/" }),
        status,
      },
      closed,
    ),
  },
  supabase: {
    error: Type.Union([
      Type.Object({ code: status, error_code: Type.String({ pattern: "^[a-z][a-z_]+$" }), msg: text }, closed),
      Type.Object({ code: Type.String({ pattern: "^[a-z][a-z_]+$" }), message: text }, closed),
    ]),
  },
  vonage: {
    error: Type.Object({ type: text, title: text, detail: text, instance: Type.String({ pattern: "^[0-9a-f]{32}$" }) }, closed),
  },
  camara: {
    error: Type.Object({ status, code: Type.String({ pattern: "^[A-Z][A-Z_]+(\\.[A-Z_]+)?$" }), message: text }, closed),
  },
};

function filled({ paths }: OpenApi, { fill: [template, value] = ["", ""] }: Row): OpenApi {
  return { paths: Object.fromEntries(Object.entries(paths).map(([path, one]) => [path.replace(template, value), one])) };
}

const requests = Number(process.env.LATCHKEY_TEST_REQUESTS ?? 1_000);
const seed = Number(process.env.LATCHKEY_TEST_SEED ?? 1);
const batch = 50;

/** What no answer has: stacks, files, and names of parts of Latchkey. */
const internals =
  /node_modules|\bat \S+ \(|\.[cm]?[jt]s:\d|FST_|\b(?:Type|Range|Syntax|Reference|Connect|Auth|Body)Error\b|sqlite|postgres|protobuf|latchkey\.v1/i;

const backend = { clientId: "default-backend", clientSecret: newClientSecret().secret };
const basic = `Basic ${Buffer.from(`${backend.clientId}:${backend.clientSecret}`).toString("base64")}`;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

describe("generated requests", () => {
  let on: TestApp;
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  beforeAll(async () => {
    on = await startTestApp({}, { developmentClients: [backend] });
  });
  afterAll(async () => {
    agent.destroy();
    await on.stop();
  });

  const json = async <T>(port: number, path: string) => (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as T;

  /** The `authorization` headers of a client that may call each path of a dialect. */
  async function credentialsOf(): Promise<readonly string[]> {
    const url = `http://127.0.0.1:${on.app.httpPort}/oauth2/token`;
    const { json: token } = await postForm(url, { grant_type: "client_credentials" }, { authorization: basic });
    return [`Bearer ${String(token?.access_token)}`, `Bearer ${String(token?.access_token)}`, basic];
  }

  /** Null: the server ended the connection, which it may do only to a body that is too large. */
  async function answerTo({ method, path, headers, body }: GeneratedRequest): Promise<Answer | null> {
    const length = body === undefined ? {} : { "content-length": String(body.length) };
    return await new Promise((resolve, reject) => {
      const options = { port: on.app.httpPort, method, path, headers: { ...headers, ...length }, agent };
      const sent = send(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const type = response.headers["content-type"] ?? "";
          resolve({ status: response.statusCode!, type, body: Buffer.concat(chunks).toString() });
        });
      });
      sent.on("error", (error) => ((body?.length ?? 0) > 65_536 ? resolve(null) : reject(error)));
      sent.end(body);
    });
  }

  /** Returns what is wrong with an answer, or null. */
  function fault({ error }: Row, answer: Answer): string | null {
    if (answer.status >= 500) return "a fault of the server";
    if (internals.test(answer.body)) return "internals";
    if (answer.body === "") return answer.status < 400 ? null : "an empty refusal";
    let parsed: unknown;
    try {
      parsed = JSON.parse(answer.body);
    } catch {
      return "no JSON";
    }
    if (answer.status >= 400 && !Value.Check(error, parsed)) return "not the vendor's error body";
    return /^application\/(problem\+)?json\b/.test(answer.type) ? null : `the content type ${answer.type}`;
  }

  it("knows the error body of each dialect", () => {
    expect(Object.keys(rows).toSorted()).toEqual(dialectDefinitions.map(({ dialect }) => dialect).toSorted());
  });

  it.each(Object.entries(rows))(
    `of ${requests} requests to %s none gets a fault, internals or a foreign error body, and none that is refused sends a message`,
    { timeout: 60_000 + requests * 60 },
    async (dialect, row) => {
      // The dialects use the same phone numbers, whose budgets are whole again.
      on.clock.advance(25 * 3_600_000);
      const beganAt = new Date(on.clock()).toISOString();
      const description = filled(await json<OpenApi>(on.app.httpPort, `/openapi/${dialect}.json`), row);
      const credentials = await credentialsOf();
      const next = createGenerator({ description, credentials, forms: row.forms ?? /^$/, values: row.values ?? {} }, seed);
      const accepted = new Set<string>();
      const faults: unknown[] = [];
      const statuses = new Map<number, number>();

      async function tryOne(): Promise<void> {
        const request = next();
        const answer = await answerTo(request);
        if (answer === null) return;
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        if (answer.status < 300) for (const contact of request.contacts) accepted.add(contact);
        const wrong = fault(row, answer);
        const body = request.body?.subarray(0, 400).toString("latin1");
        if (wrong !== null && faults.length < 5) faults.push({ wrong, answer, request: { ...request, body } });
      }

      async function checkMessages(): Promise<void> {
        for (const { to, at } of await json<readonly InboxMessage[]>(on.app.inboxPort!, "/messages"))
          if (at >= beganAt && !accepted.has(to)) faults.push({ wrong: "a message of a request that was refused", to });
      }

      for (let sent = 0; sent < requests && faults.length === 0; sent += batch) {
        await Promise.all(Array.from({ length: batch }, tryOne));
        await checkMessages();
      }
      await eventually("the last message", async () =>
        (await on.app.core.deps.store.outbox.nextDueAt()) === null ? true : undefined,
      );
      await checkMessages();
      const internal = on.log.lines.filter(({ level }) => level === "error").slice(0, 3);
      expect({ faults, internal }, `seed ${seed}: set LATCHKEY_TEST_SEED to repeat it`).toEqual({ faults: [], internal: [] });
      // Otherwise the requests would not come far enough to find anything.
      expect(
        [...statuses.keys()].some((one) => one < 300),
        JSON.stringify([...statuses]),
      ).toBe(true);
      expect(
        [...statuses.keys()].some((one) => one === 400 || one === 422),
        JSON.stringify([...statuses]),
      ).toBe(true);
      if (process.env.LATCHKEY_TEST_REQUESTS) console.info(dialect, JSON.stringify(Object.fromEntries(statuses)));
    },
  );
});
