import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";

/** A mail server on loopback that tells of every mail it accepted, and bears with senders that die. */
export async function startMailbox(onMail: (to: string, code: string) => void): Promise<{
  readonly port: number;
  stop(): Promise<void>;
}> {
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS", "AUTH"],
    disableReverseLookup: true,
    closeTimeout: 100,
    onData(stream, { envelope }, done) {
      text(stream).then(
        (mail) => {
          onMail(envelope.rcptTo[0]?.address ?? "", /^Subject: (\d+) /m.exec(mail)?.[1] ?? "");
          done();
        },
        // The sender died half way: this was no mail.
        () => done(new Error("incomplete")),
      );
    },
  });
  server.on("error", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
