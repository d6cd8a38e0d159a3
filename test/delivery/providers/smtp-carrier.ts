import { createServer, type Socket } from "node:net";
import { createSmtpProvider } from "../../../src/delivery/providers/smtp.js";
import type { Behaviour, CarrierUnderTest } from "./contract.js";

const login = { user: "latchkey", password: "correct horse" };

/** A mail server that misbehaves on request, which no library does, and the provider that sends through it. */
export async function startSmtpCarrier(): Promise<CarrierUnderTest> {
  const mails: { readonly to: string; readonly text: string }[] = [];
  const sockets = new Set<Socket>();
  let next: Behaviour | null = null;
  /** Returns whether the next message is to be treated so, and forgets it. */
  const is = (how: Behaviour): boolean => {
    if (next !== how) return false;
    next = null;
    return true;
  };

  function serve(socket: Socket): void {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    const reply = (text: string) => void socket.write(`${text}\r\n`);
    let [buffered, to, inData] = ["", "", false];
    reply("220 mail.example.org ESMTP");
    socket.on("data", (chunk) => {
      buffered += chunk.toString("latin1");
      for (;;) {
        const end = buffered.indexOf(inData ? "\r\n.\r\n" : "\r\n");
        if (end === -1) return;
        const part = buffered.slice(0, end);
        buffered = buffered.slice(end + (inData ? 5 : 2));
        if (inData) {
          inData = false;
          void take(part, to);
        } else command(part);
      }
    });

    function command(line: string): void {
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === "EHLO") reply("250-mail.example.org\r\n250 AUTH PLAIN");
      else if (verb === "AUTH") reply(isLogin(line) && !is("lock-out") ? "235 2.7.0 welcome" : "535 5.7.8 wrong");
      else if (verb === "RCPT") {
        to = /<(.*)>/.exec(line)?.[1] ?? "";
        if (is("busy")) reply("451 4.7.1 try again in 7 s");
        else if (is("refuse")) reply(`550 5.1.1 <${to}> has no mailbox`);
        else reply("250 2.1.5 ok");
      } else if (verb === "DATA") {
        inData = true;
        reply("354 go ahead");
      } else if (verb === "QUIT") socket.end("221 bye\r\n");
      else reply("250 2.0.0 ok");
    }

    async function take(raw: string, recipient: string): Promise<void> {
      if (is("malformed")) return reply("lorem ipsum 048213");
      mails.push({ to: recipient, text: raw.replaceAll("=\r\n", "") });
      if (is("accept-silently")) return;
      if (is("reset")) return void socket.resetAndDestroy();
      if (is("slow")) await new Promise((resolve) => setTimeout(resolve, 250));
      reply("250 2.0.0 Ok: queued as 4F2B1D9C");
    }
  }

  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const disappear = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return {
    provider: createSmtpProvider({
      host: "127.0.0.1",
      port,
      secure: false,
      user: login.user,
      password: { reveal: () => login.password },
      from: { name: "Latchkey", address: "codes@example.org" },
      starttls: "never",
      answerTimeoutMs: 450,
      connectTimeoutMs: 450,
      connectionsMax: 10,
    }),
    received: () => mails,
    behave(how) {
      next = how;
    },
    disappear,
    stop: disappear,
    secrets: [login.password, Buffer.from(login.password).toString("base64")],
    givesIds: true,
    saysHowLong: false,
  };
}

function isLogin(line: string): boolean {
  const given = Buffer.from(line.split(" ")[2] ?? "", "base64").toString();
  return given === `\0${login.user}\0${login.password}`;
}
