import type { Transporter } from "nodemailer";

/** A mail whose body is watched. */
export interface Watched {
  /** The body as each connection that the mail was given to reads it. */
  readonly bodies: { readonly readableDidRead: boolean }[];
}

/**
 * Watches the bodies of a transport's mails, as far as they are marked. The errors of the mail library don't say in which phase of
 * SMTP a connection broke or timed out. But the library reads a body only after the server's 354, the answer to DATA (RFC 5321 §3.3).
 */
export function watchBodies(transport: Pick<Transporter, "use">): void {
  transport.use("stream", ({ data, message }, done) => {
    const { bodies } = data as Partial<Watched>;
    const create = message.createReadStream.bind(message);
    message.createReadStream = (options) => {
      const body = create(options);
      bodies?.push(body);
      return body;
    };
    done();
  });
}

/** Returns whether sending the body has begun. From then on, the server has perhaps taken the mail. */
export function hasBegun({ bodies }: Watched): boolean {
  return bodies.some(({ readableDidRead }) => readableDidRead);
}
