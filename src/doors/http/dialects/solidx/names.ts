import { Channel } from "../../../../gen/latchkey/v1/challenge_pb.js";
import { RouteError } from "../failure.js";

/** What SolidX says of requests that it refuses. The other refusals list what is wrong with the fields. */
export const words = {
  type: "Invalid type. Must be either email or mobile.",
  noEmail: "Email is required for email validation source.",
  noMobile: "Mobile is required for mobile validation source.",
} as const;

export interface Named {
  readonly case: "email" | "phone" | "username";
  readonly value: string;
}

/** SolidX's identifiers are addresses, numbers or usernames, which never look like the others: they begin with a letter. */
export function namedBy(identifier: string): Named {
  const value = identifier.trim();
  if (value.includes("@")) return { case: "email", value };
  return { case: /^[+\d(]/.test(value) ? "phone" : "username", value };
}

/** Returns the contact that a code of a registration was sent to. Throws `RouteError` for an unknown type. */
export function contactOf(type: string, identifier: string): Named & { readonly case: "email" | "phone" } {
  return { case: channelOf(type) === Channel.EMAIL ? "email" : "phone", value: identifier };
}

/** Throws `RouteError` for an unknown type. */
export function channelOf(type: string): Channel.EMAIL | Channel.SMS {
  if (type === "email") return Channel.EMAIL;
  if (type === "mobile") return Channel.SMS;
  throw new RouteError("REQUEST_INVALID", words.type);
}

/** SolidX's mask of what the caller wrote, so it says nothing about users. That of a username would be the user's: there is none. */
export function masked({ case: kind, value }: Named): { readonly email?: string; readonly mobile?: string } {
  if (kind === "username") return {};
  if (kind === "phone") return { mobile: `***${value.slice(-4)}` };
  const at = value.lastIndexOf("@");
  const local = value.slice(0, at);
  const shown = local.length <= 2 ? `${local.slice(0, 1)}***` : `${local.slice(0, 2)}***${local.slice(-1)}`;
  return { email: shown + value.slice(at) };
}
