import { readFileSync } from "node:fs";
import { readGateway } from "../../../src/config/providers/gateway/read-gateway.js";
import type { Gateway } from "../../../src/model/gateway.js";
import type { Asked, Shape } from "../providers/carrier-server.js";

export const readyNames = ["beem", "infobip", "messagebird", "africas-talking", "salesforce-marketing-cloud"] as const;
export type ReadyName = (typeof readyNames)[number];

export function readyText(name: ReadyName): string {
  return readFileSync(new URL(`../../../docs/providers/gateways/${name}.json`, import.meta.url), "utf8");
}

/** The value of each environment variable that a description names. */
export const secretOf = (name: string): string => `secret of ${name}`;

/** Reads a ready file as in production. Its addresses lead to `origin`, if one is given. */
export function readyGateway(name: ReadyName, origin?: string): Gateway {
  const text = readyText(name);
  return readGateway(
    origin === undefined ? text : text.replaceAll(/"https:\/\/(?!developer|docs|www)[^/"]+\//g, `"${origin}/`),
    {
      isProduction: origin === undefined,
      readText: () => "",
      readEnv: secretOf,
      allowsHttp: origin !== undefined,
    },
  );
}

function basicOf(asked: Asked): string {
  return Buffer.from(asked.headers.authorization?.replace("Basic ", "") ?? "", "base64").toString();
}

function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the carrier expects ${what}`);
}

/** The carriers' published requests and answers. The addresses stand in the descriptions. */
export const shapes: Readonly<Record<ReadyName, Shape>> = {
  beem: {
    read(asked) {
      if (asked.path !== "/v1/send") return null;
      expectThat(basicOf(asked) === `${secretOf("BEEM_API_KEY")}:${secretOf("BEEM_SECRET_KEY")}`, "the credentials");
      const { source_addr, message, recipients } = JSON.parse(asked.body);
      expectThat(source_addr === "INFO" && recipients.length === 1, "one recipient");
      return { to: `+${recipients[0].dest_addr}`, text: message };
    },
    accept: (_, count) => ({
      status: 200,
      body: {
        successful: true,
        request_id: 35_918_915 + count,
        code: 100,
        message: "Message Submitted Successfully",
        valid: 1,
        invalid: 0,
        duplicates: 0,
      },
    }),
    refuse: { status: 400, body: { code: 101, message: "Invalid phone number +14155550132" } },
    lockOut: { status: 401, body: { code: 120, message: "Invalid Authentication Parameters" } },
  },
  infobip: {
    read(asked) {
      if (asked.path !== "/sms/3/messages") return null;
      expectThat(asked.headers.authorization === `App ${secretOf("INFOBIP_API_KEY")}`, "the key");
      const [message] = JSON.parse(asked.body).messages;
      return { to: `+${message.destinations[0].to}`, text: message.content.text };
    },
    accept: (asked, count) => ({
      status: 200,
      body: {
        bulkId: "2034072219640523072",
        messages: [
          {
            messageId: `20340722196405230${count}`,
            status: {
              groupId: 1,
              groupName: "PENDING",
              id: 26,
              name: "PENDING_ACCEPTED",
              description: "Message sent to next instance",
            },
            destination: JSON.parse(asked.body).messages[0].destinations[0].to,
            details: { messageCount: 1 },
          },
        ],
      },
    }),
    refuse: {
      status: 200,
      body: {
        messages: [
          {
            messageId: "2250be2d4219",
            status: { groupId: 5, groupName: "REJECTED", id: 13, name: "REJECTED_DESTINATION", description: "14155550132" },
          },
        ],
      },
    },
    lockOut: { status: 401, body: { errorCode: "E401", description: "The request lacks valid authentication credentials." } },
    busy: { status: 429, body: { errorCode: "E429", description: "Too many requests." } },
  },
  messagebird: {
    read(asked) {
      if (asked.path !== "/messages") return null;
      expectThat(asked.headers.authorization === `AccessKey ${secretOf("MESSAGEBIRD_ACCESS_KEY")}`, "the key");
      const { originator, recipients, body, validity } = JSON.parse(asked.body);
      expectThat(
        originator === "Latchkey" && recipients.length === 1 && Number.isInteger(validity),
        "one recipient and a validity",
      );
      return { to: `+${recipients[0]}`, text: body };
    },
    accept: (asked, count) => ({
      status: 201,
      body: {
        id: `e8077d803532c0b5937c639b6021693${count}`,
        direction: "mt",
        type: "sms",
        reference: JSON.parse(asked.body).reference,
        recipients: {
          totalCount: 1,
          items: [{ recipient: Number(JSON.parse(asked.body).recipients[0]), status: "sent", messagePartCount: 1 }],
        },
      },
    }),
    refuse: {
      status: 422,
      body: { errors: [{ code: 9, description: "no (correct) recipients found", parameter: "recipient" }] },
    },
    lockOut: {
      status: 401,
      body: { errors: [{ code: 2, description: "Request not allowed (incorrect access_key)", parameter: "access_key" }] },
    },
  },
  "africas-talking": {
    read(asked) {
      if (asked.path !== "/version1/messaging") return null;
      expectThat(asked.headers.apikey === secretOf("AFRICASTALKING_API_KEY"), "the key");
      const form = new URLSearchParams(asked.body);
      expectThat(form.get("username") === secretOf("AFRICASTALKING_USERNAME"), "the user");
      return { to: form.get("to") ?? "", text: form.get("message") ?? "" };
    },
    accept: (asked, count) => ({
      status: 201,
      body: {
        SMSMessageData: {
          Message: "Sent to 1/1 Total Cost: KES 0.8000",
          Recipients: [
            {
              statusCode: 101,
              number: new URLSearchParams(asked.body).get("to"),
              status: "Success",
              cost: "KES 0.8000",
              messageId: `ATPid_SampleTxnId${count}`,
            },
          ],
        },
      },
    }),
    refuse: {
      status: 201,
      body: {
        SMSMessageData: {
          Message: "Sent to 0/1 Total Cost: 0",
          Recipients: [{ statusCode: 403, number: "+14155550132", status: "InvalidPhoneNumber", cost: "0", messageId: "None" }],
        },
      },
    },
    lockOut: { status: 401, body: "The supplied authentication is invalid" },
  },
  "salesforce-marketing-cloud": {
    read(asked) {
      if (!asked.path.startsWith("/messaging/v1/sms/messages/")) return null;
      expectThat(asked.headers.authorization === "Bearer token-1", "the token");
      const { definitionKey, recipient, content } = JSON.parse(asked.body);
      expectThat(definitionKey === "latchkey" && recipient.contactKey === `+${recipient.to}`, "a definition and a contact");
      return { to: `+${recipient.to}`, text: content.message };
    },
    accept: (asked) => ({
      status: 202,
      body: { requestId: "b2b4-1", errorcode: 0, responses: [{ messageKey: asked.path.split("/").at(-1) }] },
    }),
    other(asked) {
      const fields = JSON.parse(asked.body);
      expectThat(fields.grant_type === "client_credentials" && fields.client_id === secretOf("SFMC_CLIENT_ID"), "credentials");
      return { status: 200, body: { access_token: "token-1", token_type: "Bearer", expires_in: 1079, scope: "sms_send" } };
    },
    refuse: {
      status: 400,
      body: { requestId: "b2b4-2", errorcode: 109_103, message: "No valid subscribers: +14155550132", responses: [] },
    },
    lockOut: { status: 401, body: { error: "invalid_client", error_description: "Invalid client ID." } },
  },
};
