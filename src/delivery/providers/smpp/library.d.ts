/** The part of npm `smpp` 0.5.1 that we use. The package has no types of its own. */
declare module "smpp" {
  import type { EventEmitter } from "node:events";
  import type { Socket } from "node:net";

  export class PDU {
    constructor(command: string, fields?: Readonly<Record<string, unknown>>);
    /** `unknown` for a command id that the library doesn't know. */
    readonly command: string;
    readonly command_status: number;
    readonly sequence_number: number;
    readonly [field: string]: unknown;
    isResponse(): boolean;
    /** Throws for commands that have no response. */
    response(fields?: Readonly<Record<string, unknown>>): PDU;
  }

  /** Emits `connect`, `secureConnect`, `pdu`, `error` and `close`. After `error` it reads nothing more. */
  export class Session extends EventEmitter {
    readonly socket: Socket;
    /** Numbers a request before it returns. Returns false if the socket can't be written to. */
    send(pdu: PDU): boolean;
    /** Emits no `pdu` until `resume`, so that the network holds the peer back. */
    pause(): void;
    resume(): void;
    destroy(): void;
  }

  interface Smpp {
    /** Also takes the options of `net.connect` and `tls.connect`. */
    connect(options: Readonly<Record<string, unknown>>): Session;
    readonly PDU: typeof PDU;
    readonly errors: Readonly<Record<string, number>>;
    readonly encodings: { readonly ASCII: { encode(text: string): Buffer } };
  }
  const smpp: Smpp;
  export default smpp;
}
