import type { Channel } from "../../model/channel.js";
import type { Gateway } from "../../model/gateway.js";
import { SettingError } from "../setting.js";
import { readGateway } from "./gateway/read-gateway.js";
import { type ProviderContext, splitProviderUrl } from "./provider-url.js";
import { readTrust, type Trust, trustParameters } from "./trust.js";

/** A gateway and how it is reached. */
export interface GatewaySettings extends Trust {
  readonly gateway: Gateway;
}

const form = "http-gateway:///path/to/gateway.json";

/** Reads `http-gateway:///path?ca=…&insecure=1` and the description it names. Throws SettingError. */
export function parseGatewayUrl(text: string, channel: Channel, context: ProviderContext): GatewaySettings {
  const url = splitProviderUrl(text, { form, known: trustParameters });
  const { user, password, host, port, path } = url;
  const { readText } = context;
  if (readText === null) {
    throw new SettingError("must not name a file of this machine: give the description of the gateway itself");
  }
  if (host !== "" || port !== null || user !== "" || password !== "") {
    throw new SettingError(`must be ${form}, with three slashes and no host: the path begins after the second slash`);
  }
  if (path === "" || path === "/") throw new SettingError(`must be ${form}: add the path of the description`);
  const trust = readTrust(url, context);
  const gateway = readGateway(readText(path), { ...context, allowsHttp: trust.insecure });
  if (!gateway.channels.includes(channel)) {
    throw new SettingError(`must name a gateway for ${channel}: add "${channel}" to /channels of its description`);
  }
  return { gateway, ...trust };
}

/**
 * Reads a description that comes over the network. It may use nothing of this machine and call public addresses only. The caller
 * checks its origins: http is for hosts that the operator allows.
 */
export function parseInlineGateway(text: string, channel: Channel, isProduction: boolean): GatewaySettings {
  const gateway = readGateway(text, { isProduction, readText: null, allowsHttp: true });
  if (!gateway.channels.includes(channel)) throw new SettingError(`must serve ${channel}: add "${channel}" to /channels`);
  return { gateway, ca: null, insecure: false };
}

/** Returns the origins that a gateway calls, such as `https://api.example.com/`, for a check of their addresses. */
export function originsOfGateway({ request, check, oauth }: Gateway): readonly string[] {
  const urls = [request.url, check ?? []].flatMap(([first]) => (first !== undefined && "text" in first ? [first.text] : []));
  return [...new Set([...urls, ...(oauth === null ? [] : [oauth.tokenUrl])].map((url) => `${new URL(url).origin}/`))];
}
