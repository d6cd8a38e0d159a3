import { connect, type Socket } from "node:net";
import { type AddressRules, addressRefused, checkedLookup, mayConnectTo, withCode } from "./checked-lookup.js";

export interface ConnectTo {
  /** A name or an address. An IPv6 address has no brackets. */
  readonly host: string;
  readonly port: number;
  /** For the lookup and the connection. */
  readonly timeoutMs: number;
}

/**
 * Returns a connected socket to an address that the rules allow. Rejects with an error that has a code: ADDRESS_REFUSED, ETIMEDOUT or
 * that of Node.js. The caller must listen for errors of the socket in the same turn.
 */
export function connectByRules({ host, port, timeoutMs }: ConnectTo, rules: AddressRules): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (!mayConnectTo(host, rules)) return reject(withCode(addressRefused));
    const socket = connect({ host, port, lookup: checkedLookup(rules), noDelay: true });
    const timer = setTimeout(() => socket.destroy(withCode("ETIMEDOUT")), timeoutMs);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    socket.once("error", fail);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", fail);
      resolve(socket);
    });
  });
}
