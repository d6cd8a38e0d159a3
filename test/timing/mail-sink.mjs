// A mail server that takes every mail and keeps none, in a process of its own: its work must not be in the measured times.
import { SMTPServer } from "smtp-server";

const server = new SMTPServer({
  disabledCommands: ["AUTH", "STARTTLS"],
  disableReverseLookup: true,
  onData(stream, _session, done) {
    stream.on("end", done);
    stream.resume();
  },
});
server.listen(0, "127.0.0.1", () => process.send({ port: server.server.address().port }));
process.on("disconnect", () => process.exit());
