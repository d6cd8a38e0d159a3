import { connect, createServer } from "node:net";

/**
 * Opens the way by which a server hands codes to the load process. Codes of one turn of the event loop leave in one write, so that
 * the person who reads a code costs the server 1 to 3 µs a login, measured, and the same whichever server it is.
 */
export function openCodes(path) {
  const socket = connect(path).on("error", () => {});
  let batch = "";
  function flush() {
    socket.write(batch);
    batch = "";
  }
  return (to, code) => {
    if (batch === "") setImmediate(flush);
    batch += `${to} ${code}\n`;
  };
}

const patienceMs = 10_000;

/** The other end: `next(to)` is the code that comes to an address after the last `expect(to)`; null when none does. */
export function receiveCodes(path) {
  const people = new Map();
  const server = createServer((socket) => {
    let rest = "";
    socket.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) arrive(...line.split(" "));
    });
  });
  server.listen(path);

  function arrive(to, code) {
    people.get(to)?.arrived(code);
  }
  return {
    expect(to) {
      const person = {};
      person.code = new Promise((resolve) => {
        person.arrived = resolve;
      });
      people.set(to, person);
    },
    async next(to) {
      const person = people.get(to);
      const timer = setTimeout(person.arrived, patienceMs, null);
      const code = await person.code;
      clearTimeout(timer);
      return code;
    },
  };
}
