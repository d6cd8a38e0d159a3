// Loaded into a server before its program: `Date.now` reads the clock that stands in the file, which all processes and the database
// share. Beside it each process writes down the connections that it gets, for from outside workers of one server look alike.
const { subscribe } = require("node:diagnostics_channel");
const { appendFileSync, openSync, readSync } = require("node:fs");

const file = openSync(process.env.TEST_CLOCK_FILE, "r");
const epochMs = Buffer.alloc(16);

Date.now = () => Number(epochMs.toString("latin1", 0, readSync(file, epochMs, 0, epochMs.length, 0)));

subscribe("net.server.socket", ({ socket }) => {
  appendFileSync(`${process.env.TEST_CLOCK_FILE}.connections`, `${process.pid} ${socket.localPort}\n`);
});
